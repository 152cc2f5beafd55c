import { type Instant, instantOf, millisecondsOf } from '../domain/instant.ts';
import type { Reconciliation } from '../domain/reconciliation.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { reconciliationKey } from './keys.ts';

/** With the revision that guards it. */
export type KeptReconciliation = Reconciliation & { revision: number };

/** One that has not moved for so long has been given up by whoever was at it. */
const abandonedAfter = 24 * 3_600_000;

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
   * The one that is under way: a shop is asked by one at a time.
   * @param now by the clock at the door
   */
  async running(sourceId: string, now: Instant): Promise<KeptReconciliation | undefined> {
    const { runs } = await this.list(sourceId, { limit: 5 });
    const earliest = instantOf(Math.max(0, millisecondsOf(now) - abandonedAfter));
    return runs.find(({ state, updatedAt }) => state === 'running' && updatedAt >= earliest);
  }

  /**
   * Until when the shop's list is known without a gap: of the last daily one that succeeded. One that was asked for may
   * have begun later than that.
   */
  async lastUntil(sourceId: string): Promise<Instant | undefined> {
    const { runs } = await this.list(sourceId, { limit: 200 });
    return runs.find(({ state, by }) => state === 'succeeded' && by === 'schedule')?.until;
  }

  /**
   * Keeps it in the place of what was read.
   * @param seen its revision, 0 where it is new
   * @returns false where somebody else wrote meanwhile
   */
  async put(run: Reconciliation, seen: number): Promise<boolean> {
    const asSeen =
      seen === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'revision = :seen', ExpressionAttributeValues: { ':seen': seen } };
    const Item = { ...reconciliationKey(run.sourceId, run.id), ...run, revision: seen + 1, expiresAt: this.#expiresAt };
    try {
      await this.#client.put({ TableName: this.#registry, Item, ...asSeen });
      return true;
    } catch (error) {
      if (failedCondition(error)) return false;
      throw error;
    }
  }
}

function reconciliationOf({ pk: _pk, sk: _sk, expiresAt: _expiresAt, ...item }: Record<string, unknown>) {
  return item as unknown as KeptReconciliation;
}
