import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../infra/local/log.ts';
import { Positions } from '../../infra/local/positions.ts';
import { latestOccurrence, readSchedule, Scheduler } from '../../infra/local/scheduler.ts';
import {
  cronExpression,
  type NightSchedule,
  nextOccurrence,
  parseCronExpression,
} from '../../shared/contracts/schedule.ts';

const at = (text: string) => Date.parse(text);
const next = (schedule: Omit<NightSchedule, 'minute'> & { minute?: number }, after: string) =>
  new Date(nextOccurrence({ minute: 0, ...schedule }, at(after))).toISOString();

describe('the next occurrence', () => {
  it.each<[string, Parameters<typeof next>[0], string, string]>([
    ['later the same day', { hour: 3, timeZone: 'UTC' }, '2024-05-01T02:59:59.999Z', '2024-05-01T03:00:00.000Z'],
    ['after itself', { hour: 3, timeZone: 'UTC' }, '2024-05-01T03:00:00.000Z', '2024-05-02T03:00:00.000Z'],
    ['over a leap day', { hour: 0, timeZone: 'UTC' }, '2024-02-28T12:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['after a leap day', { hour: 0, timeZone: 'UTC' }, '2024-02-29T12:00:00Z', '2024-03-01T00:00:00.000Z'],
    ['over a year', { hour: 1, timeZone: 'Europe/Berlin' }, '2023-12-31T12:00:00Z', '2024-01-01T00:00:00.000Z'],
    ['on a Sunday', { hour: 4, weekday: 0, timeZone: 'UTC' }, '2024-05-01T00:00:00Z', '2024-05-05T04:00:00.000Z'],
    [
      'on the next Sunday',
      { hour: 4, weekday: 0, timeZone: 'UTC' },
      '2024-05-05T04:00:00Z',
      '2024-05-12T04:00:00.000Z',
    ],
    [
      'on a Sunday there that is Saturday here',
      { hour: 1, weekday: 0, timeZone: 'Pacific/Auckland' },
      '2024-05-01T00:00:00Z',
      '2024-05-04T13:00:00.000Z',
    ],
    [
      'in the gap of Berlin',
      { hour: 2, minute: 30, timeZone: 'Europe/Berlin' },
      '2024-03-30T12:00:00Z',
      '2024-03-31T01:00:00.000Z',
    ],
    [
      'after the gap of Berlin',
      { hour: 2, minute: 30, timeZone: 'Europe/Berlin' },
      '2024-03-31T01:00:00Z',
      '2024-04-01T00:30:00.000Z',
    ],
    [
      'the first of two in Berlin',
      { hour: 2, minute: 30, timeZone: 'Europe/Berlin' },
      '2024-10-26T12:00:00Z',
      '2024-10-27T00:30:00.000Z',
    ],
    [
      'not the second of two in Berlin',
      { hour: 2, minute: 30, timeZone: 'Europe/Berlin' },
      '2024-10-27T00:30:00Z',
      '2024-10-28T01:30:00.000Z',
    ],
    [
      'in the gap of New York',
      { hour: 2, timeZone: 'America/New_York' },
      '2024-03-09T12:00:00Z',
      '2024-03-10T07:00:00.000Z',
    ],
    [
      'in the half-hour gap of Lord Howe',
      { hour: 2, minute: 15, timeZone: 'Australia/Lord_Howe' },
      '2024-10-05T12:00:00Z',
      '2024-10-05T15:30:00.000Z',
    ],
    ['at a quarter to', { hour: 0, timeZone: 'Asia/Kathmandu' }, '2024-05-01T00:00:00Z', '2024-05-01T18:15:00.000Z'],
    [
      'at midnight that is skipped',
      { hour: 0, timeZone: 'Africa/Cairo' },
      '2024-04-25T12:00:00Z',
      '2024-04-25T22:00:00.000Z',
    ],
  ])('%s', (_name, schedule, after, expected) => expect(next(schedule, after)).toBe(expected));

  it('is later, at most eight days, and none lies between', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/New_York',
      'Asia/Kathmandu',
      'Pacific/Auckland',
      'America/Sao_Paulo',
    ];
    const schedule = fc.record(
      { hour: fc.nat(23), minute: fc.nat(59), weekday: fc.nat(6), timeZone: fc.constantFrom(...zones) },
      { requiredKeys: ['hour', 'minute', 'timeZone'] },
    );
    fc.assert(
      fc.property(schedule, fc.integer({ min: at('2020-01-01'), max: at('2035-01-01') }), (one, after) => {
        const due = nextOccurrence(one, after);
        expect(due).toBeGreaterThan(after);
        expect(due - after).toBeLessThanOrEqual(8 * 86_400_000 + 3_600_000);
        const between = after + Math.floor((due - after) / 2);
        expect(nextOccurrence(one, between)).toBe(due);
      }),
      { numRuns: 60 },
    );
  });
});

describe('an expression', () => {
  it.each<NightSchedule>([
    { hour: 3, minute: 5, timeZone: 'UTC' },
    { hour: 23, minute: 59, weekday: 0, timeZone: 'Europe/Berlin' },
  ])('is read as it is written: %j', (schedule) => {
    expect(parseCronExpression(cronExpression(schedule), schedule.timeZone)).toEqual(schedule);
  });

  it('of another form is refused with the name of its schedule', () => {
    const read =
      (ScheduleExpression: string, more: object = {}) =>
      () =>
        readSchedule('S/X', { ScheduleExpression, Target: {}, ...more });
    expect(read('rate(1 day)')).toThrow(/S\/X: schedule rate\(1 day\)/);
    expect(read('cron(0 3 * * ? *)', { ScheduleExpressionTimezone: 'Mars/Base' })).toThrow(/S\/X/);
    expect(read('cron(0 3 * * ? *)', { FlexibleTimeWindow: { Mode: 'FLEXIBLE' } })).toThrow(/flexible/);
  });
});

describe('the scheduler', () => {
  let folder: string;
  let positions: Positions;
  const fired: string[] = [];
  const nightly = { hour: 3, minute: 0, timeZone: 'UTC' };
  const scheduler = (deliver = async (input: string) => void fired.push(input)) =>
    new Scheduler(
      [{ name: 'night', schedule: nightly, input: '{"t":"<aws.scheduler.scheduled-time>"}', deliver }],
      positions,
      silentLog,
    );

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rapport-schedule-'));
    positions = await Positions.open(join(folder, 'positions'), silentLog);
    fired.length = 0;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    vi.setSystemTime('2024-05-01T12:00:00Z');
  });
  afterEach(async () => {
    vi.useRealTimers();
    await positions.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('fires at its time with the time in the input, once, and not for what lay before it was made', async () => {
    const one = scheduler();
    one.start();
    await vi.advanceTimersByTimeAsync(14.9 * 3_600_000);
    expect(fired).toEqual([]);
    await vi.advanceTimersByTimeAsync(0.2 * 3_600_000);
    expect(fired).toEqual(['{"t":"2024-05-02T03:00:00Z"}']);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(fired).toHaveLength(1);
    one.stop();
  });

  it('fires the latest of those that were missed, once', async () => {
    const before = scheduler();
    before.start();
    before.stop();
    vi.setSystemTime('2024-06-10T12:00:00Z');
    const after = scheduler();
    after.start();
    await vi.advanceTimersByTimeAsync(1000);
    expect(fired).toEqual(['{"t":"2024-06-10T03:00:00Z"}']);
    after.stop();
  });

  it('fires nothing twice when the clock is set back', async () => {
    const one = scheduler();
    one.start();
    await vi.advanceTimersByTimeAsync(16 * 3_600_000);
    expect(fired).toHaveLength(1);
    vi.setSystemTime('2024-05-01T12:00:00Z');
    await vi.advanceTimersByTimeAsync(16 * 3_600_000);
    expect(fired).toHaveLength(1);
    one.stop();
  });

  it('goes on when the clock had been years ahead', async () => {
    vi.setSystemTime('2034-05-01T12:00:00Z');
    const ahead = scheduler();
    ahead.start();
    ahead.stop();
    vi.setSystemTime('2024-05-01T12:00:00Z');
    const one = scheduler();
    one.start();
    await vi.advanceTimersByTimeAsync(16 * 3_600_000);
    expect(fired).toEqual(['{"t":"2024-05-02T03:00:00Z"}']);
    one.stop();
  });

  it('tries again what could not be delivered', async () => {
    let failures = 2;
    const one = scheduler(async (input) => {
      if (failures-- > 0) throw new Error('not yet');
      fired.push(input);
    });
    one.start();
    await vi.advanceTimersByTimeAsync(15.1 * 3_600_000);
    expect(fired).toEqual(['{"t":"2024-05-02T03:00:00Z"}']);
    one.stop();
  });

  it('knows the latest occurrence over any absence', () => {
    expect(latestOccurrence(nightly, at('2020-01-01'), at('2024-05-01T02:00:00Z'))).toBe(at('2024-04-30T03:00:00Z'));
    expect(latestOccurrence(nightly, at('2024-05-01T03:00:00Z'), at('2024-05-01T04:00:00Z'))).toBeUndefined();
  });
});
