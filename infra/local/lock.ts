import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

/** What a running process can be told by; undefined where there is no such process. */
export function commandLine(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    if (process.platform === 'win32') {
      const found = execFileSync('tasklist', ['/fi', `PID eq ${pid}`, '/fo', 'csv', '/nh'], { encoding: 'utf8' });
      return found.includes(`"${pid}"`) ? found.trim() : undefined;
    }
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Locks of this very process: the same number and command line alone do not tell a restart from a second stack. */
const held = new Set<string>();

interface Holder {
  pid: number;
  command: string;
}

/**
 * One stack for one data folder. The holder is told by its process number and command line, so that a lock which an
 * ended process left is taken over even where another process has its number by now.
 * @throws StartError where another stack runs on the folder
 */
export function lockFolder(folder: string): { release(): void } {
  const path = join(folder, 'lock.json');
  const mine: Holder = { pid: process.pid, command: commandLine(process.pid) ?? '' };
  for (let tries = 0; tries < 2; tries++) {
    try {
      writeFileSync(path, JSON.stringify(mine), { flag: 'wx' });
      held.add(path);
      return {
        release: () => {
          held.delete(path);
          rmSync(path, { force: true });
        },
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = readHolder(path);
      if (holder && commandLine(holder.pid) === holder.command && (holder.pid !== process.pid || held.has(path)))
        throw new StartError(
          `another stack (process ${holder.pid}) already runs on ${folder}: stop it, or choose another folder with RAPPORT_DATA`,
        );
      rmSync(path, { force: true });
    }
  }
  throw new StartError(`the folder ${folder} cannot be locked`);
}

function readHolder(path: string): Holder | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}
