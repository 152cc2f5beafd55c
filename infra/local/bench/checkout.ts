import { join } from 'node:path';
import { type CountedCall, type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { type Bench, type Figure, shown } from './figure.ts';
import { shop, signedOrder } from './shopify-orders.ts';
import { openStage } from './stage.ts';

const customers = 20;
const bounds = { readCalls: 1, transactions: 1, readUnits: 2, writeUnits: 6 };

interface Count {
  readCalls: number;
  transactions: number;
  otherWrites: number;
  readUnits: number;
  writeUnits: number;
  /** Reads of source and test clock together, which only a test stage has. */
  clockReads: number;
}

/** What one checkout of a registered customer who has bought before asks of DynamoDB, in a container that is warm. */
export async function measureCheckout(bench: Bench): Promise<Figure[]> {
  bench.say('checkout: counting what a checkout of a known customer asks of DynamoDB');
  let proxy: CountingProxy | undefined;
  const stage = await openStage({
    folder: join(bench.folder, 'checkout'),
    async through(engineUrl) {
      proxy = await startCountingProxy(engineUrl);
      return proxy.url;
    },
  });
  try {
    await stage.api.put('/v1/sources/bench-shop', shop.source);
    const at = Date.now() - 3_600_000;
    for (let customer = 0; customer < customers; customer++)
      await stage.api.deliver({ path: shop.path, ...signedOrder(customer, customer, at) });
    const counts: Count[] = [];
    for (let customer = 0; customer < customers; customer++) {
      if (proxy) proxy.calls.length = 0;
      const order = signedOrder(customers + customer, customer, Date.now());
      const status = await stage.api.deliver({ path: shop.path, ...order });
      if (status !== 'recorded') throw new Error(`a checkout was answered ${status}`);
      counts.push(countOf(proxy?.calls ?? []));
    }
    return [figureOf(counts)];
  } finally {
    await stage.stop();
    await proxy?.stop();
  }
}

function countOf(calls: readonly CountedCall[]): Count {
  const count: Count = { readCalls: 0, transactions: 0, otherWrites: 0, readUnits: 0, writeUnits: 0, clockReads: 0 };
  for (const { operation, input, readUnits, writeUnits } of calls) {
    if (operation === 'BatchGetItem' && isOfTestStage(input)) {
      count.clockReads += 1;
      continue;
    }
    count.readUnits += readUnits;
    count.writeUnits += writeUnits;
    if (operation === 'TransactWriteItems') count.transactions += 1;
    else if (/^(Get|BatchGet|TransactGet|Query|Scan)/.test(operation)) count.readCalls += 1;
    else count.otherWrites += 1;
  }
  return count;
}

/** On a test stage the source is read again with the clock; elsewhere the container knows it. */
function isOfTestStage(input: CountedCall['input']): boolean {
  const request = input as Partial<Record<'RequestItems', Record<string, { Keys?: { pk?: { S?: string } }[] }>>>;
  return Object.values(request.RequestItems ?? {}).some(({ Keys = [] }) => Keys.some(({ pk }) => pk?.S === 'clock'));
}

function figureOf(counts: readonly Count[]): Figure {
  const most = (part: keyof Count) => Math.max(...counts.map((count) => count[part]));
  const values = {
    readCalls: most('readCalls'),
    transactions: most('transactions'),
    otherWrites: most('otherWrites'),
    readUnits: most('readUnits'),
    writeUnits: most('writeUnits'),
    clockReads: most('clockReads'),
  };
  const within = (part: keyof typeof bounds) => values[part] <= bounds[part];
  return {
    name: 'checkout',
    what: 'checkout of a known customer',
    bound: '1 read call, 1 transaction, ≤ 6 write and ≤ 2 read units',
    measured:
      `${values.readCalls} read call, ${values.transactions} transaction, ` +
      `${shown(values.writeUnits)} write and ${shown(values.readUnits)} read units`,
    comparedWith: `the most of ${counts.length} checkouts; apart: ${values.clockReads} read of source and clock, on a test stage alone`,
    over:
      values.otherWrites > 0 ||
      !(within('readCalls') && within('transactions') && within('readUnits') && within('writeUnits')),
    values,
  };
}
