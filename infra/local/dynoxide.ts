import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { prepareFile } from './engine-file.ts';
import { commandLine } from './lock.ts';
import type { Log } from './log.ts';
import { StartError } from './start-error.ts';

const version = '1.2.1';

export interface EmbeddedEngine {
  url: string;
  /** Resolves when the engine has written everything to its file. */
  stop(): Promise<void>;
}

/**
 * Starts the embedded DynamoDB on `<folder>/engine.db`.
 *
 * It is a process of its own and outlives a stack that was killed: its number and port are kept beside the file, and
 * what is left over is stopped before the next start, as two engines must not share a file.
 * @throws StartError where the engine is not to be had or does not start
 */
export async function startDynoxide(folder: string, log: Log): Promise<EmbeddedEngine> {
  const file = join(folder, 'engine.db');
  const record = join(folder, 'engine.json');
  await stopLeftOver(record, file, log);
  await prepareFile(
    file,
    async (path) => {
      const { process: engine } = await serve(path, record, await freePort());
      await stop(engine);
    },
    log,
  );
  const port = await freePort();
  let stopping = false;
  const first = await serve(file, record, port);
  // While the engine is started again this is the one to come.
  let running: Promise<Running | undefined> = Promise.resolve(first);
  const startAgain = (engine: Running) =>
    engine.process.once('exit', (code, signal) => {
      if (stopping) return;
      log.error(`the embedded DynamoDB engine ended (${signal ?? code}); it is started again`);
      running = serve(file, record, port).then(
        (again) => {
          startAgain(again);
          return again;
        },
        (error: Error) => {
          log.error(error.message);
          return undefined;
        },
      );
    });
  startAgain(first);
  return {
    url: first.url,
    async stop() {
      stopping = true;
      const engine = await running;
      if (engine) await stop(engine.process);
      rmSync(record, { force: true });
    },
  };
}

interface Running {
  process: ChildProcess;
  url: string;
}

/** The binary where it is installed; elsewhere the same version by way of npx. */
function command(): { file: string; args: string[]; how: string } {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`@dynoxide/${platform}/package.json`);
    return { file: join(manifest, '..', 'dynoxide'), args: [], how: 'its installed binary' };
  } catch {
    const npx = process.platform === 'win32' ? 'npx.cmd' : 'npx';
    return { file: npx, args: ['--yes', `dynoxide@${version}`], how: `npx dynoxide@${version}` };
  }
}

async function serve(file: string, record: string, port: number): Promise<Running> {
  const { file: program, args, how } = command();
  const serveArgs = [...args, 'serve', '--host', '127.0.0.1', '--port', String(port), '--db-path', file];
  const child = spawn(program, serveArgs, {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A shell is what runs npx.cmd on Windows.
    shell: process.platform === 'win32' && args.length > 0,
    // In a group of its own: Ctrl-C is for the stack, which stops the engine last.
    detached: process.platform !== 'win32',
  });
  if (child.pid !== undefined) writeFileSync(record, JSON.stringify({ pid: child.pid, port }));
  const dieWithUs = watch(child);
  child.once('exit', () => dieWithUs?.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  const complaint = await answers(child, url, args.length > 0 ? 120_000 : 15_000);
  if (complaint !== undefined) {
    await stop(child);
    throw new StartError(
      `the embedded DynamoDB engine (dynoxide ${version}) did not start by ${how}: ${complaint}. ` +
        'AWS_ENDPOINT_URL_DYNAMODB names another DynamoDB-compatible engine to use instead.',
    );
  }
  child.stderr?.resume();
  return { process: child, url };
}

/** Undefined once the engine answers, else why it does not. */
async function answers(child: ChildProcess, url: string, patience: number): Promise<string | undefined> {
  let complaint: string | undefined;
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-400);
  });
  child.once('error', (error) => {
    complaint = error.message;
  });
  child.once('exit', (code, signal) => {
    complaint ??= `it ended with ${signal ?? `status ${code}`} ${said.trim()}`;
  });
  const deadline = performance.now() + patience;
  while (complaint === undefined && performance.now() < deadline) {
    if (await ping(url)) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return complaint ?? `no answer within ${patience / 1000} s`;
}

function ping(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** Stops the engine when this process is gone, however it went: its end closes the pipe that `cat` reads. */
function watch({ pid }: ChildProcess): ChildProcess | undefined {
  if (process.platform === 'win32' || pid === undefined) return undefined;
  const script = 'cat >/dev/null; kill -TERM "$1"';
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // Without a shell the next start still finds and stops what is left over.
  watcher.on('error', () => undefined);
  watcher.stdin?.on('error', () => undefined);
  return watcher;
}

/** On SIGTERM the engine finishes its write-ahead log; one that does not end is killed, which costs it nothing either. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}

async function stopLeftOver(record: string, file: string, log: Log): Promise<void> {
  if (!existsSync(record)) return;
  const pid = recordedProcess(record);
  const isOurs = () => {
    const line = pid === undefined ? undefined : commandLine(pid);
    if (process.platform === 'win32') return line?.includes('dynoxide') ?? false;
    return line !== undefined && /dynoxide/.test(line) && line.includes('serve') && line.includes(file);
  };
  if (pid !== undefined && isOurs()) {
    log.info(`the engine of an earlier stack still runs (process ${pid}): it is stopped first`);
    for (const [signal, patience] of [
      ['SIGTERM', 10_000],
      ['SIGKILL', 5_000],
    ] as const) {
      if (isOurs()) process.kill(pid, signal);
      const deadline = performance.now() + patience;
      while (isOurs() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (isOurs()) throw new StartError(`process ${pid}, an engine that an earlier stack left, cannot be stopped`);
  }
  rmSync(record, { force: true });
}

function recordedProcess(record: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(record, 'utf8')) as { pid?: number }).pid;
  } catch {
    return undefined;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
