import { randomUUID } from 'node:crypto';
import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import { ended, type Reconciliation } from '../domain/reconciliation.ts';
import { storeUnavailable } from '../engine/problem.ts';
import type { Client } from './client.ts';
import { failedCondition, isConflict, itemInTheWay } from './faults.ts';
import { latestReconciliationKey, reconciliationKey } from './keys.ts';

/** With the revision that guards it. */
export type KeptReconciliation = Reconciliation & { revision: number };

/** One that has not moved for so long has been given up by whoever was at it: the longest wait is a quarter of an hour. */
const abandonedAfter = 6 * 3_600_000;

/** Comparisons with what shops list, in the Registry, kept for ninety days. */
export class ReconciliationStore {
  readonly #client: Client;
  readonly #registry: string;
  /** Seconds since 1970. */
  readonly #expiresAt: number;

  /** @param realTime milliseconds since 1970 */
  constructor(client: Client, registry: string, realTime: number) {
    this.#client = client;
    this.#registry = registry;
    this.#expiresAt = Math.ceil(realTime / 1000) + 90 * 24 * 60 * 60;
  }

  async read(sourceId: string, id: string): Promise<KeptReconciliation | undefined> {
    const Key = reconciliationKey(sourceId, id);
    const { Item } = await this.#client.get({ TableName: this.#registry, Key, ConsistentRead: true });
    return Item && reconciliationOf(Item);
  }

  /** Newest first. */
  async list(
    sourceId: string,
    { limit, after }: { limit: number; after?: string },
  ): Promise<{ runs: KeptReconciliation[]; next?: string }> {
    const { Items = [] } = await this.#client.query({
      TableName: this.#registry,
      KeyConditionExpression: after === undefined ? 'pk = :source' : 'pk = :source AND sk < :after',
      ExpressionAttributeValues: {
        ':source': reconciliationKey(sourceId, '').pk,
        ...(after !== undefined && { ':after': after }),
      },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: limit + 1,
    });
    const page = Items.slice(0, limit);
    const last = page.at(-1);
    return { runs: page.map(reconciliationOf), ...(Items.length > limit && last && { next: String(last.sk) }) };
  }

  /**
   * Puts a new one where none of the source is under way: a shop is asked by one at a time. One that was given up ends
   * with that.
   * @returns the one that is under way, or that was put under this id before
   */
  async begin(run: Reconciliation): Promise<'begun' | KeptReconciliation> {
    const { sourceId, id, updatedAt: now } = run;
    const same = await this.read(sourceId, id);
    if (same) return same;
    const Key = latestReconciliationKey(sourceId);
    const writing = randomUUID();
    for (let attempt = 0; attempt < 5; attempt++) {
      const { Item: latest } = await this.#client.get({ TableName: this.#registry, Key, ConsistentRead: true });
      const before = latest && (await this.read(sourceId, String(latest.reconciliationId)));
      if (before?.state === 'running' && before.updatedAt >= abandonedBy(now)) return before;
      try {
        const TransactItems = this.#beginning(run, writing, before, latest?.reconciliationId);
        await this.#client.transactWrite({ TransactItems });
        return 'begun';
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      // The conflict may be with this very call, where the answer to it was lost.
      if (await this.#isWrittenBy(run, writing)) return 'begun';
    }
    throw storeUnavailable(new Error('others begin a reconciliation of this source'));
  }

  async #isWrittenBy({ sourceId, id }: Reconciliation, writing: string): Promise<boolean> {
    const Key = reconciliationKey(sourceId, id);
    const { Item } = await this.#client.get({ TableName: this.#registry, Key, ConsistentRead: true });
    return Item?.writing === writing;
  }

  #beginning(run: Reconciliation, writing: string, before: KeptReconciliation | undefined, latest: unknown) {
    const latestIsAsRead =
      latest === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'reconciliationId = :read', ExpressionAttributeValues: { ':read': latest } };
    const pointer = { reconciliationId: run.id, expiresAt: this.#expiresAt };
    return [
      { Put: this.#written(run, 0, writing) },
      {
        Put: {
          TableName: this.#registry,
          Item: { ...latestReconciliationKey(run.sourceId), ...pointer },
          ...latestIsAsRead,
        },
      },
      ...(before?.state === 'running'
        ? [{ Put: this.#written(givenUp(before, run.updatedAt), before.revision, writing) }]
        : []),
    ];
  }

  /**
   * Until when the shop's list is known without a gap: of the last daily one that succeeded. One that was asked for may
   * have begun later than that. Where none has succeeded yet, since when the first of them was to know it.
   */
  async lastUntil(sourceId: string): Promise<Instant | undefined> {
    const { runs } = await this.list(sourceId, { limit: 200 });
    const daily = runs.filter(({ by }) => by === 'schedule');
    return daily.find(({ state }) => state === 'succeeded')?.until ?? daily.at(-1)?.since;
  }

  /**
   * Keeps it in the place of what was read.
   * @param seen its revision, 0 where it is new
   * @returns false where somebody else wrote meanwhile
   */
  async put(run: Reconciliation, seen: number): Promise<boolean> {
    const writing = randomUUID();
    try {
      await this.#client.put({
        ...this.#written(run, seen, writing),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      });
      return true;
    } catch (error) {
      // The item in the way may be this very call's, where the answer to it was lost.
      if (failedCondition(error)) return itemInTheWay(error)?.writing === writing;
      throw error;
    }
  }

  #written(run: Reconciliation, seen: number, writing: string) {
    const asSeen =
      seen === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'revision = :seen', ExpressionAttributeValues: { ':seen': seen } };
    const guard = { revision: seen + 1, writing, expiresAt: this.#expiresAt };
    const Item = { ...reconciliationKey(run.sourceId, run.id), ...run, ...guard };
    return { TableName: this.#registry, Item, ...asSeen };
  }
}

function abandonedBy(now: Instant): Instant {
  return instantOf(Math.max(0, millisecondsOf(now) - abandonedAfter));
}

function givenUp(run: KeptReconciliation, now: Instant): Reconciliation {
  return ended(run, 'failed', { now, failure: 'abandoned: nobody went on with it' });
}

function reconciliationOf({
  pk: _pk,
  sk: _sk,
  writing: _writing,
  expiresAt: _expiresAt,
  ...item
}: Record<string, unknown>) {
  return item as unknown as KeptReconciliation;
}
