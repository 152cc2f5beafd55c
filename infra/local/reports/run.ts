import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ApiClient, ApiError } from '../api-client.ts';
import { Failure } from '../command.ts';
import type { Concentration, RepeatPurchases, Reports, Retention, TierMigration } from './answers.ts';
import { reportsPage } from './page.ts';
import type { ReportSettings } from './settings.ts';

interface Run {
  id: string;
  asOf: string;
  status: string;
}

/**
 * @param say takes what goes to standard output, `tell` what shows how far it is
 * @throws Failure where the API says no
 */
export async function makeReports(
  settings: ReportSettings,
  say: (text: string) => void,
  tell: (text: string) => void,
): Promise<void> {
  const { out, json } = settings;
  const reports = await ask(settings, tell).catch((error: unknown) => {
    throw error instanceof ApiError ? new Failure(error.message, 1) : error;
  });
  const text = `${JSON.stringify(reports, null, 2)}\n`;
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'reports.json'), text);
    await writeFile(join(out, 'index.html'), reportsPage(reports));
    if (!json) say(`The page: ${join(out, 'index.html')}\n`);
  }
  if (json) say(text);
}

async function ask(settings: ReportSettings, tell: (text: string) => void): Promise<Reports> {
  const api = new ApiClient(settings.url, settings.key);
  const of = settings.runId === undefined ? '' : `?runId=${encodeURIComponent(settings.runId)}`;
  const retention = await api.call<Retention>('GET', `/v1/reports/retention${of}`);
  return {
    retention,
    repeatPurchases: await api.call<RepeatPurchases>('GET', `/v1/reports/repeat-purchases${of}`),
    concentration: await api.call<Concentration>('GET', `/v1/reports/concentration${of}`),
    tierMigration: await migrationTo(api, retention, settings.from, tell),
  };
}

async function migrationTo(
  api: ApiClient,
  to: Pick<Retention, 'runId' | 'asOf'>,
  given: string | undefined,
  tell: (text: string) => void,
): Promise<TierMigration | null> {
  const from = given ?? (await runBefore(api, to.asOf))?.id;
  if (from === undefined) return null;
  const path = `/v1/reports/tier-migration?from=${encodeURIComponent(from)}&to=${encodeURIComponent(to.runId)}`;
  let said = false;
  for (let pause = 200; ; pause = Math.min(2_000, pause * 1.3)) {
    const answer = await api.call<TierMigration | { status: 'running'; runId: string }>('GET', path);
    if (!('status' in answer)) return answer;
    const run = await api.call<Run>('GET', `/v1/value-runs/${answer.runId}`).catch(notYet);
    if (run?.status === 'failed') throw new Failure(`Counting the moves between tiers failed (${run.id}).`, 1);
    if (!said) tell('Counting the moves between tiers …\n');
    said = true;
    await wait(pause);
  }
}

function notYet(error: unknown): undefined {
  if (error instanceof ApiError && error.code === 'value_run_not_found') return undefined;
  throw error;
}

const fourWeeks = 28 * 86_400_000;

async function runBefore(api: ApiClient, asOf: string): Promise<Run | undefined> {
  const { data } = await api.call<{ data: Run[] }>('GET', '/v1/value-runs?limit=100');
  const earlier = data.filter((run) => run.status === 'succeeded' && run.asOf < asOf);
  return earlier.find((run) => Date.parse(asOf) - Date.parse(run.asOf) >= fourWeeks) ?? earlier.at(-1);
}
