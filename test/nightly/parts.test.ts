import { randomInt } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { emptyMeasure } from '../../shared/domain/rfm.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { runPartKey } from '../../shared/dynamodb/keys.ts';
import { assignParts, measureParts, type PartPlaces } from '../../shared/dynamodb/value-run-parts.ts';
import type { AssignPart, MeasurePart, Parts } from '../../shared/engine/value-run.ts';
import { partBodies } from '../../shared/s3/part-bodies.ts';
import { type Embedded, startEmbedded } from '../embedded.ts';
import { startFaultProxy } from '../fault-proxy.ts';
import { type Objects, startObjects } from '../objects.ts';

const patience = { requestTimeout: 2_000, connectionTimeout: 1_000, maxAttempts: 4, firstPause: 1 };

let embedded: Embedded;
let objects: Objects;
let client: Client;
let places: PartPlaces;
let parts: Parts<MeasurePart>;
beforeAll(async () => {
  embedded = await startEmbedded();
  client = connect();
});
afterAll(async () => {
  client.close();
  await embedded.stop();
});
beforeEach(async () => {
  objects = await startObjects();
  process.env.AWS_ENDPOINT_URL_S3 = objects.url;
  places = {
    client,
    registry: embedded.tables.registry,
    bodies: partBodies(objects.bucket, patience),
    realTime: () => 1_800_000_000_500,
  };
  parts = measureParts(places);
});
afterEach(async () => {
  await parts.drop('run_1', 1);
  await objects.stop();
});

it('keeps what is small in the item, and what is larger in an object of which only the last one stays', async () => {
  const small = aPart(3);
  expect(await parts.save('run_1', 0, small)).toBe(true);
  expect(await parts.read('run_1', 0)).toEqual(small);
  expect(objects.calls).toEqual([]);

  const large = aPart(20_000);
  expect(await parts.save('run_1', 0, large)).toBe(true);
  expect(await parts.read('run_1', 0)).toEqual(large);
  const [first] = objects.names();
  expect(objects.names()).toEqual([expect.stringMatching(/^measure\/[0-9a-f-]{36}$/)]);

  const larger = { ...aPart(30_000), cursor: 'cus_1' };
  expect(await parts.save('run_1', 0, larger)).toBe(true);
  expect(await parts.read('run_1', 0)).toEqual(larger);
  expect(objects.names()).toHaveLength(1);
  expect(objects.names()).not.toContain(first);

  const done: MeasurePart = { ...aPart(10_000), done: true };
  expect(await parts.save('run_1', 0, done)).toBe(true);
  expect(await parts.save('run_1', 0, large)).toBe(false);
  expect(await parts.read('run_1', 0)).toEqual(done);
  expect(objects.names()).toHaveLength(1);

  await parts.drop('run_1', 1);
  expect(await parts.read('run_1', 0)).toBeUndefined();
  expect(objects.names()).toEqual([]);
});

it('keeps the phases apart by prefix', async () => {
  const unsettled = Array.from({ length: 2_000 }, () => `cus_${randomInt(2 ** 40)}`);
  const part: AssignPart = {
    done: true,
    tally: { customers: 0, buyers: 0, changed: 0, limited: 0, who: 0, tiers: {}, migrations: {} },
    units: { read: 0, write: 0 },
    unsettled,
  };
  const assigned = assignParts(places);
  await assigned.save('run_1', 0, part);
  expect(await assigned.read('run_1', 0)).toEqual(part);
  expect(objects.names()).toEqual([expect.stringMatching(/^assign\//)]);
  await assigned.drop('run_1', 1);
});

describe('a store of objects', () => {
  it.each(['slow-down', 'lost-answer', 'refused'] as const)(
    'that says %s to a writing is asked again',
    async (fault) => {
      let faults = 2;
      objects.plan = ({ method }) => (method === 'PUT' && faults-- > 0 ? fault : 'none');
      const large = aPart(20_000);
      await parts.save('run_1', 0, large);
      expect(await parts.read('run_1', 0)).toEqual(large);
      expect(objects.names()).toHaveLength(1);
    },
  );

  it.each(['slow-down', 'lost-answer', 'cut-short'] as const)(
    'that says %s to a reading is asked again',
    async (fault) => {
      const large = aPart(20_000);
      await parts.save('run_1', 0, large);
      let faults = 2;
      objects.plan = ({ method }) => (method === 'GET' && faults-- > 0 ? fault : 'none');
      expect(await parts.read('run_1', 0)).toEqual(large);
    },
  );

  it('that does not take a body leaves what was there', async () => {
    const before = aPart(20_000);
    await parts.save('run_1', 0, before);
    objects.plan = ({ method }) => (method === 'PUT' ? 'slow-down' : 'none');
    await expect(parts.save('run_1', 0, { ...aPart(20_000), done: true })).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    expect(await parts.read('run_1', 0)).toEqual(before);
  });

  it('that keeps what it was to drop harms nobody', async () => {
    await parts.save('run_1', 0, aPart(20_000));
    objects.plan = ({ method }) => (method === 'DELETE' ? 'slow-down' : 'none');
    const next = aPart(20_000);
    expect(await parts.save('run_1', 0, next)).toBe(true);
    expect(await parts.read('run_1', 0)).toEqual(next);
    expect(objects.names()).toHaveLength(2);
  });

  it('that lost an object, or holds another body under its name, makes the step fail and say so', async () => {
    await parts.save('run_1', 0, aPart(20_000));
    const [name = ''] = objects.names();
    await places.bodies.put(name, Buffer.from('something else'));
    await expect(parts.read('run_1', 0)).rejects.toMatchObject({ code: 'value_run_part_lost' });
    await places.bodies.drop(name);
    await expect(parts.read('run_1', 0)).rejects.toMatchObject({ code: 'value_run_part_lost' });
  });
});

it('reads on where the item named another object by the time its object was asked for', async () => {
  await parts.save('run_1', 0, aPart(20_000));
  const next = aPart(20_000);
  let once = true;
  objects.plan = async ({ method }) => {
    if (method === 'GET' && once) {
      once = false;
      await parts.save('run_1', 0, next);
    }
    return 'none' as const;
  };
  expect(await parts.read('run_1', 0)).toEqual(next);
});

it('knows its own writing again where the answer to it was lost', async () => {
  const proxy = await startFaultProxy(embedded.endpoint);
  process.env.AWS_ENDPOINT_URL_DYNAMODB = proxy.endpoint;
  const through = connect();
  process.env.AWS_ENDPOINT_URL_DYNAMODB = embedded.endpoint;
  let faults = 1;
  proxy.plan = (operation) => (operation === 'PutItem' && faults-- > 0 ? 'lost-answer' : 'none');
  const done: MeasurePart = { ...aPart(20_000), done: true };
  expect(await measureParts({ ...places, client: through }).save('run_1', 0, done)).toBe(true);
  expect(proxy.calls.get('PutItem')).toBe(2);
  expect(await parts.read('run_1', 0)).toEqual(done);
  through.close();
  await proxy.stop();
});

it('leaves little in the table, however large the body', async () => {
  await parts.save('run_1', 0, aPart(50_000));
  const { Item } = await client.get({ TableName: embedded.tables.registry, Key: runPartKey('run_1', 'measure', 0) });
  expect(JSON.stringify(Item).length).toBeLessThan(300);
});

it('forgets what nobody comes back for after a week, as the bucket does', async () => {
  await parts.save('run_1', 0, aPart(3));
  const { Item } = await client.get({ TableName: embedded.tables.registry, Key: runPartKey('run_1', 'measure', 0) });
  expect(Item?.expiresAt).toBe(1_800_000_000 + 7 * 86_400);
});

function aPart(values: number): MeasurePart {
  const entries = Array.from({ length: values }, (_, index): [number, number] => [index, randomInt(1, 1_000_000)]);
  const measure = { ...emptyMeasure(), customers: 1, buyers: 1, days: new Map(entries) };
  const counts = { histories: new Map(entries), spend: new Map(entries) };
  return { done: false, measure, counts, readUnits: 1.5 };
}
