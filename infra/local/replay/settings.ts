import { type ApiAccess, readAccess } from '../api-access.ts';
import { readOptions, UsageError } from '../command.ts';

export interface ReplaySettings extends ApiAccess {
  runId: string;
  json: boolean;
}

export const help = `npm run replay -- RUN: computes a past value run again, and says what differs.

  RUN           the id of a value run (GET /v1/value-runs), or "latest"
  --url URL     where Rapport answers; default RAPPORT_URL, else http://127.0.0.1:8787
  --key KEY     a key with the scope value-runs:read; default RAPPORT_KEY
  --json        every difference as JSON, one a line
  --help        this text

Everything is worked out anew from the ledger, without what came after the run began, by the run's own policy and asOf.
What was changed in an order since, a merge, an erasure or a late exchange rate shows as a difference.
Ends with status 0 where the result is identical, 1 where something differs.
`;

/**
 * @returns nothing where help was asked for
 * @throws UsageError
 */
export function readReplaySettings(
  given: readonly string[],
  environment: Record<string, string | undefined>,
): ReplaySettings | undefined {
  const { values, positionals } = parsed(given);
  if (values.help) return undefined;
  const [runId, ...more] = positionals;
  if (!runId || more.length > 0) throw new UsageError('Name one value run.');
  return { runId, json: values.json ?? false, ...readAccess(values, environment) };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readOptions({
    args: [...given],
    allowPositionals: true,
    options: { url: text, key: text, json: flag, help: { ...flag, short: 'h' } },
  });
}
