import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startDynoxide } from '../../infra/local/dynoxide.ts';
import { commandLine } from '../../infra/local/lock.ts';
import { silentLog } from '../../infra/local/log.ts';

let folder: string;
let pids: Set<number>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-engine-'));
  pids = new Set();
});
afterEach(() => {
  for (const pid of pids) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

const isRunning = (pid: number) => commandLine(pid)?.includes(folder) ?? false;

function recorded(): number {
  const { pid } = JSON.parse(readFileSync(join(folder, 'engine.json'), 'utf8')) as { pid: number };
  pids.add(pid);
  return pid;
}

it('an engine that is just being started again ends with the others when it is stopped', async () => {
  const engine = await startDynoxide(folder, silentLog);
  const first = recorded();
  expect(isRunning(first)).toBe(true);
  process.kill(first, 'SIGTERM');
  while (recorded() === first) await nextTurn();
  await engine.stop();
  expect([...pids].filter(isRunning)).toEqual([]);
  expect(pids.size).toBe(2);
});
