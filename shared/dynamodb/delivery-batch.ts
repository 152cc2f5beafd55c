import { type KeptDelivery, standing } from '../domain/delivery.ts';
import { inBatches } from './batches.ts';
import type { Client } from './client.ts';
import { expiryOf, headItem } from './delivery-item.ts';
import { firstOf, join } from './delivery-store.ts';

export interface PackedDelivery {
  delivery: KeptDelivery;
  /** gzip, small enough to stand in its item. */
  packed: Uint8Array;
}

/**
 * What became of a delivery: it is kept now; the shop sent again what was kept already; this very call was written
 * before; or the store refuses it for good.
 */
export type Keeping = 'new' | 'repeated' | 'written' | 'refused';

/**
 * Keeps many deliveries: 25 a call, each on condition that it is not there yet, at the price of a plain write.
 * @returns in the order of what was given
 * @throws Problem `store_unavailable`
 */
export async function keepAll(
  client: Client,
  table: string,
  keptDays: number,
  given: readonly PackedDelivery[],
): Promise<Keeping[]> {
  const outcomes = new Map<PackedDelivery, Keeping>();
  const known: PackedDelivery[] = [];
  await inBatches(firstOfEach(given, known), async (batch) => {
    const { Responses = [] } = await client.batchExecuteStatement({
      Statements: batch.map(({ delivery, packed }) => insertion(table, delivery, packed, keptDays)),
    });
    return batch.filter((one, index) => {
      const code = Responses[index]?.Error?.Code;
      if (code === undefined) outcomes.set(one, 'new');
      else if (code === 'DuplicateItem') known.push(one);
      else if (passing.has(code)) return true;
      else outcomes.set(one, 'refused');
      return false;
    });
  });
  for (const one of known) {
    const { delivery } = one;
    const first = await firstOf(client, table, delivery.id);
    // Two of one id may have come at the same moment: the time alone does not tell whether it is this very call.
    const written = first?.receivedAt === delivery.receivedAt && first.status === delivery.status;
    if (!written) await join(client, table, delivery, keptDays);
    outcomes.set(one, written ? 'written' : 'repeated');
  }
  return given.map((one) => outcomes.get(one) ?? 'refused');
}

/** No call may name one item twice: the later ones are left for afterwards. */
function firstOfEach(given: readonly PackedDelivery[], others: PackedDelivery[]): PackedDelivery[] {
  const first = new Map<string, PackedDelivery>();
  const inOrder = [...given].sort(({ delivery: a }, { delivery: b }) => {
    if (a.receivedAt === b.receivedAt) return Number(outranks(b, a)) - Number(outranks(a, b));
    return a.receivedAt < b.receivedAt ? -1 : 1;
  });
  for (const one of inOrder) {
    if (first.has(one.delivery.id)) others.push(one);
    else first.set(one.delivery.id, one);
  }
  return [...first.values()];
}

function outranks(one: KeptDelivery, other: KeptDelivery): boolean {
  return standing[one.status].outranks.includes(other.status);
}

/** PartiQL, because no other call makes many conditional puts at once. */
function insertion(table: string, delivery: KeptDelivery, packed: Uint8Array, keptDays: number) {
  const item = headItem(delivery, packed, expiryOf(delivery, delivery.receivedAt, keptDays));
  const names = Object.keys(item);
  return {
    Statement: `INSERT INTO "${table}" VALUE {${names.map((name) => `'${name}': ?`).join(', ')}}`,
    Parameters: names.map((name) => item[name]),
  };
}

const passing = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
  'InternalServerError',
]);
