import { accessOf, jsonCaller } from '../../../shared/aws/json-call.ts';
import type { BareTransactions } from './bare-transactions.ts';

const { call } = jsonCaller('dynamodb', accessOf('dynamodb', process.env), {
  maxAttempts: 1,
  connectionTimeout: 5_000,
  requestTimeout: 15_000,
  firstPause: 0,
});

const customersOfEach = 50;
const at = '2026-01-01T00:00:00.000Z';
const text = (value: string) => ({ S: value });
const number = (value: number) => ({ N: String(value) });
const heard = (value: string) => ({ M: { value: text(value), at: text(at) } });
const consent = {
  'email:marketing': {
    M: {
      channel: text('email'),
      purpose: text('marketing'),
      state: text('granted'),
      occurredAt: text(at),
      sourceId: text('bench-shop'),
    },
  },
};

/**
 * The calls of a checkout of a known customer with nothing around them, over and over: a read of four keys and a
 * transaction of three items, as large as they are, over the calls that the functions use. What came is not kept.
 * @returns how many a second were committed
 */
export async function handler({ tables, concurrency, seconds, run }: BareTransactions): Promise<number> {
  const [ledger, customers] = tables;
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let done = 0;
  const work = async (worker: number) => {
    const versions: number[] = [];
    for (let count = 0; performance.now() < end; count++) {
      const index = count % customersOfEach;
      const customer = `cus_${run}-${worker}-${index}`.padEnd(28, 'x');
      const order = `${run}-${worker}-${String(count).padStart(6, '0')}`;
      const line = `${customer}#${at}#int_${order}`.padEnd(80, 'x');
      const pointer = `ext#bench-shop#order#${order}`;
      await call('DynamoDB_20120810.BatchGetItem', {
        RequestItems: {
          [ledger]: { Keys: [pointer, line].map(keyOf), ConsistentRead: false },
          [customers]: { Keys: [customer, `identity#bench-shop#${customer}`].map(keyOf), ConsistentRead: false },
        },
      });
      const version = versions[index];
      await call('DynamoDB_20120810.TransactWriteItems', {
        TransactItems: [
          { Put: { TableName: ledger, Item: lineOf(line, order), ...isNew } },
          {
            Put: {
              TableName: customers,
              Item: customerOf(customer, (version ?? 0) + 1),
              ...(version === undefined ? isNew : isAt(version)),
            },
          },
          {
            Put: {
              TableName: ledger,
              Item: { ...keyOf(pointer), customerId: text(customer), occurredAt: text(at), revision: number(1) },
              ...isNew,
            },
          },
        ],
      });
      versions[index] = (version ?? 0) + 1;
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => work(worker)));
  return (done / (performance.now() - begun)) * 1000;
}

const keyOf = (pk: string) => ({ pk: text(pk) });
const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
const isAt = (version: number) => ({
  ConditionExpression: 'version = :read',
  ExpressionAttributeValues: { ':read': number(version) },
});

function lineOf(pk: string, order: string) {
  const items = [1, 2, 3].map((article) => ({
    M: {
      title: text(`Article ${article}`),
      quantity: number(1),
      unitPrice: number(1740 * article),
      sku: text(`SKU-${article}`),
    },
  }));
  const snapshot = {
    updatedAt: text(at),
    total: { M: { minor: number(9618), currency: text('EUR') } },
    tax: number(1539),
    shipping: number(495),
    discount: number(0),
    items: { L: items },
    test: { BOOL: false },
  };
  return {
    ...keyOf(pk),
    id: text(`int_${order}`.padEnd(28, 'x')),
    sourceId: text('bench-shop'),
    type: text('order'),
    externalId: text(order),
    occurredAt: text(at),
    receivedAt: text(at),
    order: {
      M: {
        snapshot: { M: snapshot },
        placedAt: text(at),
        paidAt: text(at),
        refunds: { M: {} },
        consents: { M: consent },
      },
    },
    backfill: { BOOL: false },
    first: { BOOL: false },
    purchaseIn: text('EUR'),
    revision: number(1),
  };
}

function customerOf(pk: string, version: number) {
  return {
    ...keyOf(pk),
    createdAt: text(at),
    updatedAt: text(at),
    version: number(version),
    consents: { M: consent },
    sourceIds: { M: { 'bench-shop': text('7000000000150') } },
    profile: {
      M: {
        firstName: heard('First150'),
        lastName: heard('Last150'),
        locale: heard('de-DE'),
        email: heard('bench-150@example.com'),
      },
    },
    live: { BOOL: true },
    lastLiveOrderAt: text(at),
    firstPurchaseAt: text(at),
    lastPurchaseAt: text(at),
    purchaseCount: number(2),
    totalSpent: number(30936),
    totalRefunded: number(0),
    days: text('20779:30936:2'),
    sales: text('|20779:24996'),
    contacts: text('20779:m1'),
  };
}
