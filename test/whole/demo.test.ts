import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Summary } from '../../infra/local/demo.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the demo plays a year through the front door, and every total agrees to the cent', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rapport-demo-'));
  const { status, output } = await demo(['--exit', '--json', '--customers', '15', '--seed', '3'], folder);
  const { ok, totals, nights, messages, outreach } = JSON.parse(output) as Summary;
  expect({ status, ok, differences: totals.differences }).toEqual({ status: 0, ok: true, differences: [] });
  expect(totals.actual).toEqual(totals.expected);
  expect(totals.actual.customers).toBe(15);
  expect(nights).toBeGreaterThan(50);
  expect(messages).toBe(outreach.sent);
  const dates = await datesOf(join(folder, 'demo', 'outbox'));
  expect(dates.thanks.every((date) => date.includes('23:59:59'))).toBe(true);
  expect(dates.recognition.every((date) => /0[12]:00:00/.test(date))).toBe(true);
  expect(Math.min(dates.thanks.length, dates.recognition.length)).toBeGreaterThan(0);
  await rm(folder, { recursive: true });
}, 180_000);

test('the demo says what it does not understand, and leaves', async () => {
  const { status, output } = await demo(['--customers', 'many'], tmpdir());
  expect({ status, output }).toEqual({ status: 2, output: '' });
});

/** Orders are told in the evening, and a night works at three o'clock in Berlin: messages bear the time of their cause. */
async function datesOf(outbox: string): Promise<{ thanks: string[]; recognition: string[] }> {
  const dates = { thanks: [] as string[], recognition: [] as string[] };
  for (const file of await readdir(outbox)) {
    const text = await readFile(join(outbox, file), 'utf8');
    const date = /^Date: (.*)$/m.exec(text)?.[1] ?? '';
    (/^Subject: Thank you/m.test(text) ? dates.thanks : dates.recognition).push(date);
  }
  return dates;
}

function demo(args: string[], folder: string): Promise<{ status: number | null; output: string }> {
  const environment = { ...process.env, PORT: '0', RAPPORT_DATA: folder };
  const child = spawn(process.execPath, ['--import', 'tsx', 'infra/local/demo.ts', ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return new Promise((resolve) => child.once('exit', (status) => resolve({ status, output })));
}
