import type { ValueRun } from '../domain/value-run.ts';
import type { CurrentRun, Runs } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { currentRunKey, runKey, runListKey } from './keys.ts';
import { cutPointsOf } from './receipt-store.ts';
import { rehearsalExpiry } from './rehearsal-expiry.ts';

/** Value runs in the Registry: one item each, one that says which is current, and the list by `asOf`. */
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
      const opened = await unless(() =>
        client.put({
          TableName: registry,
          Item: { ...runKey(run.id), ...running, openedAt: machineTime, ...expiryOf(run, machineTime) },
          ConditionExpression: 'attribute_not_exists(pk) OR #state = :failed',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':failed': 'failed' },
        }),
      );
      await list(opened ? running : ((await runs.read(run.id)) ?? running));
    },

    async keepFit(run) {
      await unless(() =>
        client.update({
          TableName: registry,
          Key: runKey(run.id),
          UpdateExpression: `SET cutPoints = :cutPoints, measured = :measured${run.model ? ', #model = :model' : ''}`,
          ConditionExpression: '#state = :running AND attribute_not_exists(cutPoints)',
          ExpressionAttributeNames: { '#state': 'state', ...(run.model && { '#model': 'model' }) },
          ExpressionAttributeValues: {
            ':running': 'running',
            ':cutPoints': run.cutPoints,
            ':measured': run.measured,
            ...(run.model && { ':model': run.model }),
          },
        }),
      );
    },

    async close(run) {
      const values = { state: run.state, finishedAt: run.finishedAt, failure: run.failure, report: run.report };
      const ending = Object.entries(values).filter(([, value]) => value !== undefined);
      await unless(() =>
        client.update({
          TableName: registry,
          Key: runKey(run.id),
          UpdateExpression: `SET ${ending.map(([name]) => `#${name} = :${name}`).join(', ')}`,
          ConditionExpression: '#state = :running',
          ExpressionAttributeNames: Object.fromEntries(ending.map(([name]) => [`#${name}`, name])),
          ExpressionAttributeValues: {
            ':running': 'running',
            ...Object.fromEntries(ending.map(([name, value]) => [`:${name}`, value])),
          },
        }),
      );
      const closed = (await runs.read(run.id)) ?? run;
      await list(closed);
      return closed;
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

  /** Rehearsals are found by whoever asked for them. */
  async function list(run: ValueRun): Promise<void> {
    if (run.rehearsal) return;
    await client.put({ TableName: registry, Item: { ...runListKey(run.asOf, run.id), ...run } });
  }
}

/** A migration is one thing for two runs, whoever asks for it and whenever: it stays as they do. */
function expiryOf({ rehearsal }: ValueRun, machineTime: number): { expiresAt?: number } {
  return rehearsal && rehearsal.kind !== 'migration' ? { expiresAt: rehearsalExpiry(machineTime) } : {};
}

/** A run as it was read from its item or from the list. */
export function valueRunOf({
  pk: _pk,
  sk: _sk,
  openedAt: _openedAt,
  expiresAt: _expiresAt,
  ...item
}: Record<string, unknown>): ValueRun {
  const run = item as unknown as ValueRun;
  return { ...run, ...(run.cutPoints && { cutPoints: cutPointsOf(run.cutPoints) }) };
}
