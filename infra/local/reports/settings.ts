import { type ApiAccess, readAccess } from '../api-access.ts';
import { readOptions, UsageError } from '../command.ts';

export interface ReportSettings extends ApiAccess {
  /** A folder for the page; absent where only JSON is asked for. */
  out?: string;
  json: boolean;
  /** The run that the reports are of; absent for the latest. */
  runId?: string;
  /** The earlier run of the migration of tiers. */
  from?: string;
}

export const help = `npm run reports -- --out FOLDER: one page about the customers of a running stack

Retention by cohorts, how soon purchases follow each other, how unequally what was spent is spread, and who moved from which
tier to which between two value runs.

  --out DIR             writes reports.json and index.html, a page with plots, into that folder
  --json                the figures as JSON on standard output
  --run RUN             the value run that the reports are of; default the latest
  --from RUN            the run from which moves between tiers are counted; default the latest one that is four weeks
                        older, or else the oldest of the last hundred
  --url URL             where Rapport answers; default RAPPORT_URL, else http://127.0.0.1:8787
  --key KEY             a key with the scope value-runs:read; default RAPPORT_KEY
  --help                this text

Ends with status 2 where the command is wrong, 1 where the stack cannot be asked.
`;

/**
 * @returns nothing where help was asked for
 * @throws UsageError
 */
export function readReportSettings(
  given: readonly string[],
  environment: Record<string, string | undefined>,
): ReportSettings | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const { values } = readOptions({
    args: [...given],
    options: { out: text, json: flag, run: text, from: text, url: text, key: text, help: { ...flag, short: 'h' } },
  });
  if (values.help) return undefined;
  const { out, json = false, run, from } = values;
  if (!out && !json) throw new UsageError('Name a folder for the page, --out FOLDER, or ask for --json.');
  return {
    ...(out && { out }),
    json,
    ...(run !== undefined && { runId: run }),
    ...(from !== undefined && { from }),
    ...readAccess(values, environment),
  };
}
