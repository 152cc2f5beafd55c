import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { emptyMeasure } from '../../shared/domain/rfm.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { measureParts } from '../../shared/dynamodb/value-run-parts.ts';
import type { MeasurePart } from '../../shared/engine/value-run.ts';
import { type Embedded, startEmbedded } from '../embedded.ts';

let embedded: Embedded;
let client: Client;
beforeAll(async () => {
  embedded = await startEmbedded();
  client = connect();
});
afterAll(async () => {
  client.close();
  await embedded.stop();
});

it('keeps a part that is larger than an item, and nothing of the one before', async () => {
  const registry = embedded.tables.registry;
  const parts = measureParts(client, registry);
  const large = aPart(200_000);
  expect(await parts.save('run_1', 0, large)).toBe(true);
  expect(await parts.read('run_1', 0)).toEqual(large);
  expect(await count(registry)).toBeGreaterThan(2);

  const larger = { ...aPart(250_000), cursor: 'cus_1' };
  expect(await parts.save('run_1', 0, larger)).toBe(true);
  expect(await parts.read('run_1', 0)).toEqual(larger);

  const small: MeasurePart = { ...aPart(3), done: true };
  expect(await parts.save('run_1', 0, small)).toBe(true);
  expect(await count(registry)).toBe(1);

  expect(await parts.save('run_1', 0, large)).toBe(false);
  expect(await parts.read('run_1', 0)).toEqual(small);
  expect(await count(registry)).toBe(1);

  await parts.drop('run_1', 1);
  expect(await count(registry)).toBe(0);
});

function aPart(values: number): MeasurePart {
  const entries = Array.from({ length: values }, (_, index): [number, number] => [index, randomInt(1, 1_000_000)]);
  const measure = { ...emptyMeasure(), customers: 1, buyers: 1, days: new Map(entries) };
  const counts = { histories: new Map(entries), spend: new Map(entries) };
  return { done: false, measure, counts, readUnits: 1.5 };
}

async function count(TableName: string): Promise<number> {
  const { Items = [] } = await client.scan({ TableName, Limit: 100, ProjectionExpression: 'pk' });
  return Items.length;
}
