import type { ValueRun } from '../domain/value-run.ts';
import type { CurrentRun, Runs } from '../engine/value-run.ts';
import { inBatches } from './batches.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { currentRunKey, runKey, runListKey } from './keys.ts';
import { cutPointsOf } from './receipt-store.ts';
import { rehearsalExpiry } from './rehearsal-expiry.ts';

/** Value runs in the Registry: one item each, one that says which is current, and the list of their ids by `asOf`. */
export function valueRunStore(client: Client, registry: string): Runs {
  const runs: Runs = {
    async read(runId) {
      const item = await get(runKey(runId));
      return item && valueRunOf(item);
    },

    async openedAt(runId) {
      return Number((await get(runKey(runId)))?.openedAt ?? 0);
    },

    async current() {
      return (await get(currentRunKey)) as CurrentRun | undefined;
    },

    takeOver: (run, seen) =>
      unless(() =>
        client.put({
          TableName: registry,
          Item: { ...currentRunKey, ...run, ...(seen && { previousRunId: seen.runId }) },
          ...(seen
            ? { ConditionExpression: 'runId = :seen', ExpressionAttributeValues: { ':seen': seen.runId } }
            : { ConditionExpression: 'attribute_not_exists(pk)' }),
        }),
      ),

    async open(run, machineTime) {
      const { failure: _failure, finishedAt: _finishedAt, ...rest } = run;
      const running: ValueRun = { ...rest, state: 'running' };
      // Rehearsals are found by whoever asked for them.
      if (!run.rehearsal) {
        await client.put({ TableName: registry, Item: { ...runListKey(run.asOf, run.id), id: run.id } });
      }
      await unless(() =>
        client.put({
          TableName: registry,
          Item: { ...runKey(run.id), ...running, openedAt: machineTime, ...expiryOf(run, machineTime) },
          ConditionExpression: 'attribute_not_exists(pk) OR #state = :failed',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':failed': 'failed' },
        }),
      );
    },

    async keepFit({ id, cutPoints, model, published, measured }) {
      const found = entriesOf({ cutPoints, model, published, measured });
      await unless(() =>
        client.update({
          TableName: registry,
          Key: runKey(id),
          UpdateExpression: `SET ${found.map(([name]) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression: '#state = :running AND attribute_not_exists(#cutPoints)',
          ExpressionAttributeNames: { '#state': 'state', ...namesOf(found) },
          ExpressionAttributeValues: { ':running': 'running', ...valuesOf(found) },
        }),
      );
    },

    async close(run) {
      const { state, finishedAt, failure, report } = run;
      const ending = entriesOf({ state, finishedAt, failure, report });
      await unless(() =>
        client.update({
          TableName: registry,
          Key: runKey(run.id),
          UpdateExpression: `SET ${ending.map(([name]) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression: '#state = :running',
          ExpressionAttributeNames: namesOf(ending),
          ExpressionAttributeValues: { ':running': 'running', ...valuesOf(ending) },
        }),
      );
      return (await runs.read(run.id)) ?? run;
    },
  };
  return runs;

  /** False where the condition failed. */
  async function unless(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (failedCondition(error)) return false;
      throw error;
    }
  }

  async function get(key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
    const { Item } = await client.get({ TableName: registry, Key: key, ConsistentRead: true });
    return Item;
  }
}

/** Those of them that have been opened, by id. */
export async function readRuns(
  client: Client,
  registry: string,
  ids: readonly string[],
): Promise<Map<string, ValueRun>> {
  const found = new Map<string, ValueRun>();
  await inBatches(ids, async (batch) => {
    const { Responses, UnprocessedKeys } = await client.batchGet({
      RequestItems: { [registry]: { Keys: batch.map(runKey), ConsistentRead: true } },
    });
    for (const item of Responses?.[registry] ?? []) found.set(String(item.id), valueRunOf(item));
    const left = UnprocessedKeys?.[registry]?.Keys ?? [];
    return batch.filter((id) => left.some(({ pk }) => pk === runKey(id).pk));
  });
  return found;
}

type Entries = [name: string, value: unknown][];

const entriesOf = (values: object): Entries => Object.entries(values).filter(([, value]) => value !== undefined);
const namesOf = (entries: Entries) => Object.fromEntries(entries.map(([name]) => [`#${name}`, name]));
const valuesOf = (entries: Entries) => Object.fromEntries(entries.map(([name, value]) => [`:${name}`, value]));

/** A migration is one thing for two runs, whoever asks for it and whenever: it stays as they do. */
function expiryOf({ rehearsal }: ValueRun, machineTime: number): { expiresAt?: number } {
  return rehearsal && rehearsal.kind !== 'migration' ? { expiresAt: rehearsalExpiry(machineTime) } : {};
}

function valueRunOf({
  pk: _pk,
  sk: _sk,
  openedAt: _openedAt,
  expiresAt: _expiresAt,
  ...item
}: Record<string, unknown>): ValueRun {
  const run = item as unknown as ValueRun;
  return { ...withCuts(run), ...(run.published && { published: withCuts(run.published) }) };
}

function withCuts<Run extends Pick<ValueRun, 'cutPoints'>>(run: Run): Run {
  return { ...run, ...(run.cutPoints && { cutPoints: cutPointsOf(run.cutPoints) }) };
}
