import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { DeadLetters } from '../../infra/local/dead-letters.ts';
import { engineClient } from '../../infra/local/engine-client.ts';
import { commandLine } from '../../infra/local/lock.ts';
import { lineLog } from '../../infra/local/log.ts';
import type { OutboxEntry } from '../../infra/local/outbox.ts';
import { type LocalStack, startLocalStack } from '../../infra/local/stack.ts';
import { freePort } from '../embedded.ts';

const app = new URL('./app/app.ts', import.meta.url).href;
const lines: string[] = [];
let folder: string;
let stack: LocalStack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-stack-'));
  stack = await startLocalStack({
    dataFolder: folder,
    port: 0,
    app,
    log: lineLog((line) => lines.push(line)),
  });
});
afterAll(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

const call = (path: string, init: RequestInit = {}, url = stack.url) => fetch(url + path, init);
const json = async <Body>(path: string, init: RequestInit = {}, url = stack.url) =>
  (await (await call(path, init, url)).json()) as Body;
const make = async (id: string, query = '', url = stack.url) =>
  (await call(`/things/${id}${query}`, { method: 'POST' }, url)).status;

async function ids(engineUrl: string): Promise<string[]> {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const { call: engine, close } = engineClient({ url: engineUrl, region: 'r', credentials });
  const { TableNames } = await engine<{ TableNames: string[] }>('DynamoDB_20120810.ListTables', {});
  const { Items } = await engine<{ Items: { id: { S: string } }[] }>('DynamoDB_20120810.Scan', {
    TableName: TableNames[0],
    Limit: 1000,
  });
  close();
  return Items.map(({ id }) => id.S).sort();
}

describe('a handler', () => {
  it('has a real context and nothing but its own environment', async () => {
    process.env.OF_THE_STACK_ALONE = 'x';
    const { context, environment } = await json<{ context: { remaining: number }; environment: string[] }>('/echo/a');
    expect(context).toMatchObject({
      functionName: expect.stringContaining('Door'),
      memoryLimitInMB: '128',
      awsRequestId: expect.any(String),
    });
    expect(context.remaining).toBeGreaterThan(0);
    expect(context.remaining).toBeLessThanOrEqual(2000);
    expect(environment).toEqual(expect.arrayContaining(['TABLE', 'QUEUE', 'BUS', 'AWS_ENDPOINT_URL_DYNAMODB']));
    expect(environment).not.toContain('OF_THE_STACK_ALONE');
    expect(environment).not.toContain('PATH');
  });

  it('that runs out of time fails alone, and its successor answers at once', async () => {
    const slow = call('/slow');
    const others = Promise.all(Array.from({ length: 5 }, () => call('/echo/a')));
    expect((await others).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect((await slow).status).toBe(500);
    expect((await call('/echo/a')).status).toBe(200);
  });

  it('that breaks down takes nobody with it, and nothing that it said reaches a log of the stack', async () => {
    expect((await call('/fail')).status).toBe(500);
    expect((await call('/crash')).status).toBe(500);
    expect((await call('/echo/a')).status).toBe(200);
    expect(lines.join('\n')).toMatch(/the function starts anew/);
    expect(lines.join('\n')).not.toMatch(/with a secret in it/);
  });
});

describe('what a write sets off', () => {
  it('goes over stream, bus and queue to its end, and then the stack has settled', async () => {
    expect(await make('thing-17')).toBe(202);
    expect(await make('other-17')).toBe(202);
    expect(await stack.settled({ timeoutMs: 10_000 })).toBe(true);
    expect(await ids(stack.engineUrl)).toEqual(expect.arrayContaining(['note-thing-17', 'other-17', 'thing-17']));
    expect(await ids(stack.engineUrl)).not.toContain('note-other-17');
    expect(await stack.outbox.list()).toMatchObject([{ to: 'thing-17@example.com', subject: 'Grüße' }]);
    expect(await json('/_local/status')).toMatchObject({
      idle: true,
      pending: { streams: 0, queues: 0, executions: 0 },
    });
  });

  it('ends in the dead-letter queue where it keeps failing: of a stream, of a queue, of a queue behind the bus', async () => {
    await make('thing-bad');
    await make('thing-undeliverable', '?queue=1');
    await make('thing-unnoted');
    const dead = async () => Object.values((await stack.status()).deadLetters).reduce((sum, count) => sum + count, 0);
    await expect.poll(dead, { timeout: 15_000, interval: 100 }).toBe(3);
    await make('thing-after');
    await stack.settled({ timeoutMs: 10_000 });
    expect(await ids(stack.engineUrl)).toContain('note-thing-after');
  });

  it('is given back from there once the cause is mended, to the queue that it came from', async () => {
    const letters = () => json<DeadLetters[]>('/_local/dead-letters?format=json');
    const [dead = expect.fail()] = await letters();
    expect(dead).toMatchObject({ messages: 3, returnable: 2, oldest: expect.stringMatching(/^\d{4}-/) });
    expect(await (await call('/_local/dead-letters')).text()).toContain('Re-drive 2');

    await make('other-mended');
    const redrive = (headers: Record<string, string> = {}, queue = dead.queue) =>
      call(`/_local/dead-letters/${queue}/redrive`, { method: 'POST', headers, redirect: 'manual' });
    expect((await redrive({ origin: 'http://elsewhere.example' })).status).toBe(403);
    expect((await redrive({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await redrive({}, 'Small-Engine-Nothing')).status).toBe(404);
    expect((await letters())[0]).toMatchObject({ messages: 3 });

    const answers = await Promise.all([redrive(), redrive()]);
    const moved = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { moved: number }).moved));
    expect(moved.reduce((sum, count) => sum + count, 0)).toBe(2);
    await expect.poll(() => ids(stack.engineUrl), { timeout: 10_000 }).toContain('note-thing-unnoted');
    // What no mending helped comes back; the place in the stream never left.
    await expect
      .poll(async () => (await letters())[0], { timeout: 10_000, interval: 100 })
      .toMatchObject({
        messages: 2,
        returnable: 1,
      });
    const fromThePage = await redrive({ 'sec-fetch-site': 'same-origin', origin: 'null' });
    expect([fromThePage.status, fromThePage.headers.get('location')]).toEqual([303, '/_local/dead-letters']);
  });

  it('an execution waits for', async () => {
    const input = JSON.stringify({
      items: [
        { id: 'run-7', of: 2 },
        { id: 'run-8', of: 1 },
      ],
    });
    const run = { method: 'POST', body: input };
    const { status, output } = await json<{ status: string; output: string }>('/runs?name=once', run);
    expect(status).toBe('SUCCEEDED');
    expect(JSON.parse(output).done).toMatchObject([
      { id: 'run-7', at: 2 },
      { id: 'run-8', at: 1 },
    ]);
    expect(await ids(stack.engineUrl)).toEqual(expect.arrayContaining(['note-thing-run-7', 'note-thing-run-8']));
    expect((await stack.outbox.list()).map(({ to }) => to)).toContain('thing-run-7@example.com');
  });
});

describe('the pages', () => {
  it('show the outbox to people and programs, and a message without letting it do anything', async () => {
    const [newest = expect.fail()] = await json<OutboxEntry[]>('/_local/outbox?format=json');
    expect(newest).toMatchObject({
      to: expect.any(String),
      from: 'Small <small@example.com>',
      subject: 'Grüße',
      href: expect.any(String),
    });
    const list = await call('/_local/outbox');
    expect(list.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await list.text()).toContain('Grüße');
    expect(await (await call(newest.href)).text()).toContain('Hello thing-');
    const source = await (await call(`${newest.href}.eml`)).text();
    expect(source).toMatch(/^X-Local-Received: \d{4}-/);
    expect(source).toContain('Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=');
    expect((await call('/_local/outbox/..%2f..%2fengine.db')).status).toBe(404);
    expect((await call('/_local/nothing')).status).toBe(404);
  });
});

it('refuses a second stack on the folder', async () => {
  await expect(startLocalStack({ dataFolder: folder, port: 0, app })).rejects.toThrow(
    /another stack \(process \d+\) already runs/,
  );
});

it('says which engine does not answer', async () => {
  const own = mkdtempSync(join(tmpdir(), 'rapport-no-engine-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  await expect(startLocalStack({ dataFolder: own, port: 0, app, engine: { url } })).rejects.toThrow(
    `no DynamoDB engine answers at ${url} (ECONNREFUSED)`,
  );
  rmSync(own, { recursive: true });
});

describe('a stack in a process of its own', () => {
  let own: string;
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(own, { recursive: true, force: true });
  });

  async function startProcess(): Promise<{
    url: string;
    engineUrl: string;
    child: ChildProcess;
    ended: Promise<unknown>;
  }> {
    const script = fileURLToPath(new URL('./stack-process.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, own], { stdio: ['ignore', 'pipe', 'ignore'] });
    children.push(child);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const said = await new Promise<string>((resolve, reject) => {
      child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString()));
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
    });
    return { ...JSON.parse(said), child, ended };
  }

  it('loses nothing acknowledged to a kill, starts again unattended, and ends in order', async () => {
    own = mkdtempSync(join(tmpdir(), 'rapport-killed-'));
    const first = await startProcess();
    const { pid: enginePid } = JSON.parse(readFileSync(join(own, 'engine.json'), 'utf8')) as { pid: number };
    const acknowledged: string[] = [];
    let killed = false;
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let index = 0; !killed; index++) {
        const id = `thing-${worker}-${index}7`;
        const status = await make(id, '', first.url).catch(() => 0);
        if (status === 202) acknowledged.push(id);
      }
    });
    await expect.poll(() => acknowledged.length, { timeout: 10_000, interval: 10 }).toBeGreaterThan(40);
    first.child.kill('SIGKILL');
    killed = true;
    await Promise.all(load);
    await first.ended;

    const second = await startProcess();
    expect(commandLine(enginePid)).toSatisfy((line: string | undefined) => !line?.includes(own));
    await expect
      .poll(async () => (await json<{ idle: boolean }>('/_local/status', {}, second.url)).idle, {
        timeout: 15_000,
        interval: 100,
      })
      .toBe(true);
    const kept = await ids(second.engineUrl);
    expect(acknowledged.filter((id) => !kept.includes(id))).toEqual([]);
    expect(acknowledged.filter((id) => !kept.includes(`note-${id}`))).toEqual([]);
    const outbox = await json<OutboxEntry[]>('/_local/outbox?format=json', {}, second.url);
    const reached = new Set(outbox.map(({ to }) => to));
    expect(acknowledged.filter((id) => !reached.has(`${id}@example.com`))).toEqual([]);

    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
  }, 30_000);

  // As a container or a service manager does that stops all its processes at once.
  it.runIf(spawnSync('ps').status === 0)(
    'told to end at one time with all that it started, leaves nothing running',
    async () => {
      own = mkdtempSync(join(tmpdir(), 'rapport-ended-'));
      const first = await startProcess();
      expect(await make('thing-7', '', first.url)).toBe(202);
      const started = startedBy(first.child.pid ?? 0);
      expect(started.some((pid) => commandLine(pid)?.includes(own))).toBe(true);
      spawnSync('kill', ['-TERM', ...[...started, first.child.pid ?? 0].map(String)]);
      expect(await first.ended).toBe(0);
      const running = () => processes().filter(({ command }) => command.includes(own));
      await expect.poll(running).toEqual([]);

      const second = await startProcess();
      expect(await ids(second.engineUrl)).toContain('thing-7');
      second.child.kill('SIGTERM');
      expect(await second.ended).toBe(0);
    },
    60_000,
  );
});

function processes(): { pid: number; parent: number; command: string }[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [pid = '', parent = '', ...command] = line.trim().split(/\s+/);
      return { pid: Number(pid), parent: Number(parent), command: command.join(' ') };
    });
}

/** The last ones first. */
function startedBy(pid: number): number[] {
  const children = processes().filter(({ parent }) => parent === pid);
  return children.flatMap((child) => [...startedBy(child.pid), child.pid]);
}
