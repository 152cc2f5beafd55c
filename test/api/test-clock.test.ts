import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { nextOccurrence } from '../../shared/contracts/schedule.ts';
import { runIdOf } from '../../shared/domain/value-run.ts';
import { clockKey } from '../../shared/dynamodb/keys.ts';
import { type ApiDoor, nightSchedule, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

let api: ApiDoor;
let machine: NightMachine;
let start: number;
beforeAll(async () => {
  machine = nightMachine();
  api = await openApi();
});
afterAll(async () => {
  machine.restore();
  await api.stop();
});
beforeEach(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  machine.visit = async () => undefined;
  machine.executions.clear();
  await api.call('DELETE /v1/test-clock');
  start = Date.now() + 1000;
});

const day = 86_400_000;
const put = (now: string | number, more = {}) =>
  api.call('PUT /v1/test-clock', { body: { now: typeof now === 'string' ? now : iso(now) }, ...more });
const clock = async () => (await api.call('GET /v1/test-clock')).body;
const iso = (time: number) => new Date(time).toISOString();

function nightsBetween(from: number, to: number): string[] {
  const nights: string[] = [];
  for (let at = nextOccurrence(nightSchedule, from); at <= to; at = nextOccurrence(nightSchedule, at))
    nights.push(iso(at));
  return nights;
}

test('real time runs until the clock is set; then it stands, and DELETE gives real time back', async () => {
  expect((await clock()).frozen).toBe(false);
  const set = await put(start);
  expect([set.status, set.body]).toEqual([200, { now: iso(start), frozen: true }]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await clock()).toEqual({ now: iso(start), frozen: true });
  expect((await api.call('GET /health', { key: '' })).body.time).toBe(iso(start));
  const released = await api.call('DELETE /v1/test-clock');
  expect([released.status, released.body.frozen]).toEqual([200, false]);
  expect(Math.abs(Date.parse(released.body.now) - Date.now())).toBeLessThan(5000);
});

test('nights that fall due on the way run in order, each at its own time, before the call answers', async () => {
  await put(start);
  const to = start + 4 * day;
  const visited: string[] = [];
  machine.visit = async (asOf) => {
    expect(await clock()).toEqual({ now: asOf, frozen: true });
    visited.push(asOf);
  };
  expect((await put(to)).status).toBe(200);
  const nights = nightsBetween(start, to);
  expect(visited).toEqual(nights);
  const { body } = await api.call('GET /v1/value-runs', { query: { limit: '4' } });
  expect(body.data.map(({ asOf, status }) => [asOf, status])).toEqual(
    nights.reverse().map((asOf) => [asOf, 'succeeded']),
  );
  expect((await put(to)).status).toBe(200);
  expect(visited).toHaveLength(4);
});

test('the clock moves forward only', async () => {
  await put(start + 10 * day);
  for (const now of [start, start + 10 * day - 1]) {
    const { status, body } = await put(now);
    expect([status, body.code]).toEqual([409, 'clock_backwards']);
  }
  await api.call('DELETE /v1/test-clock');
  expect((await put('2020-01-01T00:00:00Z')).body.code).toBe('clock_backwards');
  // A caller whose clock is behind by a moment may hold the present.
  expect((await put(Date.now() - 5000)).status).toBe(200);
});

test('two movers cannot cross', async () => {
  await put(start);
  machine.visit = () => new Promise((resolve) => setTimeout(resolve, 100));
  const answers = await Promise.all([put(start + 2 * day), put(start + 3 * day), put(start + 4 * day)]);
  const moved = answers.filter(({ status }) => status === 200);
  expect(moved).toHaveLength(1);
  for (const { status, body } of answers)
    if (status !== 200) expect([status, body.code]).toEqual([409, 'clock_moving']);
  expect((await clock()).now).toBe(moved[0]?.body.now);
});

test('the clock is not given back while it moves', async () => {
  await put(start);
  machine.visit = () => new Promise((resolve) => setTimeout(resolve, 200));
  const moving = put(start + day);
  await vi.waitFor(async () => expect((await clock()).now).not.toBe(iso(start)));
  expect((await api.call('DELETE /v1/test-clock')).body.code).toBe('clock_moving');
  expect((await moving).status).toBe(200);
});

test('where a night fails the clock stands at it, and the same call goes on from there', async () => {
  await put(start);
  const to = start + 3 * day;
  const nights = nightsBetween(start, to);
  let broken = true;
  machine.visit = async (asOf) => {
    if (broken && asOf === nights[1]) throw new Error('out of order');
  };
  const failed = await put(to);
  expect([failed.status, failed.body.code]).toEqual([503, 'value_run_failed']);
  expect(await clock()).toEqual({ now: nights[1], frozen: true });
  broken = false;
  expect((await put(to)).status).toBe(200);
  const { status } = (await api.call('GET /v1/value-runs/{runId}', { params: { runId: runIdOf(nights[1] as string) } }))
    .body;
  expect(status).toBe('succeeded');
});

test('a mover that died lets go after a while, and its night is run by the next', async () => {
  await put(start);
  const [night] = nightsBetween(start, start + 2 * day) as [string];
  await api.client.send(
    new UpdateCommand({
      TableName: api.embedded.tables.registry,
      Key: clockKey,
      UpdateExpression: 'SET #now = :night, due = :night, mover = :mover, heldUntil = :until',
      ExpressionAttributeNames: { '#now': 'now' },
      ExpressionAttributeValues: { ':night': night, ':mover': 'dead', ':until': Date.now() + 300 },
    }),
  );
  expect((await put(night)).body.code).toBe('clock_moving');
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect((await put(night)).status).toBe(200);
  expect(machine.executions.get(runIdOf(night))?.status).toBe('SUCCEEDED');
});

test('a leap over more than 400 nights is refused before anything moves', async () => {
  await put(start);
  const { status, body } = await put(start + 500 * day);
  expect([status, body.code]).toEqual([400, 'clock_leap_too_far']);
  expect((await clock()).now).toBe(iso(start));
});

test.each(['50000-01-01T00:00:00Z', 'tomorrow', '2026-13-01T00:00:00Z', ''])('%j is no time', async (now) => {
  expect((await put(now)).body.errors[0]?.pointer).toBe('/now');
});
