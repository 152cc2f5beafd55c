import { setTimeout as wait } from 'node:timers/promises';

import { ApiClient, ApiError } from '../api-client.ts';
import { Failure } from '../command.ts';
import type { ReplaySettings } from './settings.ts';

interface Run {
  id: string;
  asOf: string;
  status: string;
  policyVersion?: number;
  report?: { customers: number; differences?: number; sameFit?: boolean; sameCustomers?: boolean; missing?: number };
}

interface Place {
  tier: string;
  group: string;
  scores: { recency: number; frequency: number; monetary: number } | null;
}

interface Difference {
  customerId: string;
  was: Place | null;
  is: Place;
  causes?: string[];
}

/** The status where nothing can be said: 1 says that something differs. */
const unable = 2;

/** So many differences are shown to people; `--json` shows all. */
const shown = 20;

/**
 * @returns the status to end with: 0 where the run comes out the same
 * @throws Failure where the API says no, or the replay failed
 */
export async function replay(settings: ReplaySettings, out: { write(text: string): unknown }): Promise<number> {
  const api = new ApiClient(settings.url, settings.key);
  try {
    const of = await named(api, settings.runId);
    const { run } = await api.call<{ run: Run }>('POST', `/v1/value-runs/${of}/replay`);
    const { asOf, policyVersion, report, status } = await ended(api, run);
    if (status !== 'succeeded' || !report) throw new Failure(`The replay ${run.id} failed.`, unable);
    const { customers, differences = 0, missing = 0, sameCustomers, sameFit } = report;
    const identical = differences === 0 && sameCustomers === true && sameFit === true;
    const subject = `${of}: asOf ${asOf}, policy version ${policyVersion}, ${counted(customers, 'customer')}`;
    if (settings.json)
      out.write(
        `${JSON.stringify({ run: of, replay: run.id, identical, sameFit, sameCustomers, missing, differences })}\n`,
      );
    else if (identical) out.write(`${subject}: identical.\n`);
    else
      out.write(`${subject}: ${verdicts({ differences, missing, sameCustomers, sameFit }).join(', ')}.
`);
    for await (const difference of differencesOf(api, run.id, settings.json ? Number.POSITIVE_INFINITY : shown))
      out.write(settings.json ? `${JSON.stringify(difference)}\n` : `  ${describe(difference)}\n`);
    if (!settings.json && differences > shown) out.write(`  … and ${differences - shown} more: --json lists all.\n`);
    return identical ? 0 : 1;
  } catch (error) {
    if (error instanceof ApiError) throw new Failure(error.message, unable);
    throw error;
  }
}

function verdicts(of: {
  differences: number;
  missing: number;
  sameCustomers: boolean | undefined;
  sameFit: boolean | undefined;
}): string[] {
  const fewer = of.missing > 0 ? [`${of.missing} fewer are counted than then`] : [];
  const others = of.sameCustomers || of.missing > 0 ? [] : ['others are counted than then'];
  return [
    `${counted(of.differences, 'customer')} ${of.differences === 1 ? 'differs' : 'differ'}`,
    ...fewer,
    ...others,
    `the cut points are ${of.sameFit ? 'the same' : 'others'}`,
  ];
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;

async function named(api: ApiClient, runId: string): Promise<string> {
  if (runId !== 'latest') return encodeURIComponent(runId);
  const { data } = await api.call<{ data: Run[] }>('GET', '/v1/value-runs?limit=100');
  const latest = data.find(({ status }) => status === 'succeeded');
  if (!latest) throw new Failure('There is no value run yet.', unable);
  return latest.id;
}

async function ended(api: ApiClient, run: Run): Promise<Run> {
  let now = run;
  while (now.status === 'running' || now.status === 'requested') {
    await wait(1_000);
    try {
      now = await api.call<Run>('GET', `/v1/value-runs/${run.id}`);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'value_run_not_found')) throw error;
    }
  }
  return now;
}

async function* differencesOf(api: ApiClient, runId: string, most: number): AsyncGenerator<Difference> {
  let cursor = '';
  for (let count = 0; count < most; ) {
    const path = `/v1/value-runs/${runId}/differences?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = await api.call<{ data: Difference[]; nextCursor: string | null }>('GET', path);
    for (const difference of page.data.slice(0, most - count)) yield difference;
    count += page.data.length;
    if (page.nextCursor === null) return;
    cursor = page.nextCursor;
  }
}

/** What the engine says of a difference, for people. */
const inWords: Record<string, string> = {
  cut_points: 'cut points or models differ, as others do',
  merged: 'persons were made one or taken apart since',
  order_changed: 'an order was changed by its shop since',
  under_way: 'something was still under way when the run was started by hand',
  unknown: 'nobody can say why',
};

function describe({ customerId, was, is, causes = [] }: Difference): string {
  const text = (place: Place | null) => {
    if (!place) return 'nothing';
    const { scores } = place;
    const digits = scores ? ` ${scores.recency}${scores.frequency}${scores.monetary}` : '';
    return `${place.tier} (${place.group}${digits})`;
  };
  const why = causes.map((cause) => inWords[cause] ?? cause).join('; ');
  return `${customerId}  was ${text(was)}, is ${text(is)}${why && `: ${why}`}`;
}
