import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { createServer, globalAgent as plainAgent, type Server } from 'node:http';
import { globalAgent as encryptedAgent } from 'node:https';
import { type AddressInfo, isIP, type LookupFunction } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Outbound, outbound } from '../../shared/storefronts/outbound.ts';

/** By name, where it leads to; the resolver is asked for the others. */
const named = new Map<string, LookupAddress[]>();
type Found = (error: Error | null, found: LookupAddress[]) => void;
vi.mock('node:dns', async (original) => {
  const dns = await original<typeof import('node:dns')>();
  const lookup = (name: string, options: LookupAllOptions, answer: Found) => {
    const addresses = named.get(name);
    if (addresses) setImmediate(answer, null, addresses);
    else dns.lookup(name, options, answer);
  };
  return { ...dns, lookup };
});

/** A shop, or whoever is called one: nobody but the tests of the test stage may reach it. */
let host: Server;
let port: number;
let connections: number;
let asked: string[];
beforeAll(async () => {
  host = createServer(({ url = '' }, answer) => {
    asked.push(url);
    const [, kind, size] = url.split('/');
    if (kind === 'sized') answer.end('x'.repeat(Number(size)));
    else if (kind === 'moved') answer.writeHead(Number(size), { location: '/sized/10' }).end('moved');
    else if (kind === 'halting') answer.write('{');
    else if (kind !== 'silent') answer.writeHead(404).end();
  });
  host.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  ({ port } = host.address() as AddressInfo);
});
afterAll(() => {
  host.closeAllConnections();
  host.close();
});
beforeEach(() => {
  named.clear();
  connections = 0;
  asked = [];
});
afterEach(() => {
  vi.restoreAllMocks();
});

const make = (loopback: boolean, timeout = 1_000): Outbound =>
  outbound({ loopback, timeout, readJson: (body) => Buffer.from(body).toString() });
const keysUnavailable = { status: 503, code: 'keys_unavailable' };
const because = (message: string) => ({ cause: expect.objectContaining({ message }) });

/** Both ways out are refused for this reason, and nobody is connected to. */
async function expectRefused(address: string, reason: string, loopback = false): Promise<void> {
  const out = make(loopback);
  const problem = because(reason);
  await expect(out.fetchKey(new URL(address))).rejects.toMatchObject({ ...keysUnavailable, ...problem });
  await expect(out.ask(address, { path: 'orders' })).rejects.toMatchObject({ code: 'shop_unavailable', ...problem });
  expect([connections, asked]).toEqual([0, []]);
}

/** To where connections are made; none is. */
function watchConnections(): string[] {
  const made: string[] = [];
  for (const agent of [plainAgent, encryptedAgent])
    vi.spyOn(agent as never as Connecting, 'createConnection').mockImplementation(({ host, lookup }, connected) => {
      if (!lookup) throw new Error(`${host} is connected to unchecked`);
      lookup(host, { all: true }, (error, found) => {
        if (!error) made.push(...[found].flat().map((one) => (typeof one === 'string' ? one : one.address)));
        connected(error ?? new Error('nothing leaves a test'));
      });
    });
  return made;
}
interface Connecting {
  createConnection(options: { host: string; lookup?: LookupFunction }, connected: (error: Error) => void): void;
}

const leadsTo = (...addresses: string[]) => addresses.map((address) => ({ address, family: isIP(address) }));

describe('a name', () => {
  const noPublic = 'the name leads to no public address';

  test('that the machine itself goes by is refused without a connection, also on a test stage', async () => {
    for (const loopback of [false, true]) await expectRefused(`https://localhost:${port}`, noPublic, loopback);
  });

  test.each([
    '0.0.0.0',
    '0.255.255.255',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.192',
    '192.168.1.1',
    '192.168.255.255',
    '198.19.255.255',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:ffff',
    '::ffff:127.0.0.1',
    '::ffff:a9fe:a9fe',
    '::ffff:192.168.1.1',
    '64:ff9b::7f00:1',
    '64:ff9b::ffff:ffff',
    '64:ff9b:1::a00:1',
    '64:ff9b:1:ffff::1',
    '2001::1',
    '2001:0:ffff::1',
    '2002:7f00:1::',
    '2002:ffff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'febf::1',
    'fec0::1',
    'feff::1',
    'ff02::1',
    'ffff::1',
  ])('that leads to %s is refused without a connection, and so where it is one of several', async (address) => {
    const made = watchConnections();
    for (const addresses of [leadsTo(address), leadsTo('203.0.113.7', address), leadsTo(address, '2600::7')]) {
      named.set('shop.example', addresses);
      await expectRefused(`https://shop.example:${port}`, noPublic);
    }
    expect(made).toEqual([]);
  });

  test('that leads nowhere is refused', async () => {
    named.set('shop.example', []);
    await expectRefused(`https://shop.example:${port}`, noPublic);
  });

  test.each([
    [
      '1.0.0.1',
      '11.0.0.1',
      '100.63.255.255',
      '100.128.0.1',
      '126.0.0.1',
      '128.0.0.1',
      '169.253.0.1',
      '169.255.0.1',
      '172.15.0.1',
      '172.32.0.1',
    ],
    ['192.0.1.1', '192.167.0.1', '192.169.0.1', '198.17.0.1', '198.20.0.1', '223.255.255.255'],
    ['64:ff9a::1', '2001:1::1', '2003::1', '2600::7', 'fbff::1', '::ffff:203.0.113.7'],
  ])('that leads to public addresses such as %s is connected to there', async (...addresses) => {
    const made = watchConnections();
    named.set('shop.example', leadsTo(...addresses));
    const key = make(false).fetchKey(new URL('https://shop.example/keys'));
    await expect(key).rejects.toMatchObject(because('nothing leaves a test'));
    expect(made).toEqual(addresses);
  });
});

describe('an address', () => {
  test.each([
    'https://127.0.0.1',
    'https://2130706433',
    'https://0x7f.1',
    'https://[::1]',
    'https://[::ffff:127.0.0.1]',
    'https://203.0.113.7',
  ])('in the place of a name is refused: %s', async (address) => {
    await expectRefused(`${address}:${port}`, 'an address must have a name');
  });

  test('of the machine is asked on a test stage alone, and by that one address', async () => {
    await expectRefused(`http://127.0.0.1:${port}`, 'only https may be asked');
    expect(await make(true).fetchKey(new URL(`http://127.0.0.1:${port}/sized/3`))).toBe('xxx');
    expect(connections).toBe(1);
    connections = 0;
    asked = [];
    for (const other of ['[::1]', '127.0.0.2', 'localhost'])
      await expectRefused(`http://${other}:${port}`, 'only https may be asked', true);
    await expectRefused(`https://127.0.0.2:${port}`, 'an address must have a name', true);
  });
});

test.each([false, true])('nothing is asked without encryption; on a test stage: %s', async (loopback) => {
  const made = watchConnections();
  named.set('shop.example', leadsTo('203.0.113.7'));
  await expectRefused('http://shop.example', 'only https may be asked', loopback);
  expect(made).toEqual([]);
});

describe('a shop that does answer', () => {
  const urlOf = (path: string) => new URL(path, `http://127.0.0.1:${port}`);

  test('with a key of a hundred kilobytes is heard, with a larger one it is not', async () => {
    const out = make(true);
    expect(await out.fetchKey(urlOf('/sized/100000'))).toHaveLength(100_000);
    await expect(out.fetchKey(urlOf('/sized/100001'))).rejects.toMatchObject({
      ...keysUnavailable,
      ...because('answered with more than 100000 bytes'),
    });
  });

  test.each([301, 302, 303, 307, 308])('with %i is not followed', async (status) => {
    const path = `/moved/${status}`;
    await expect(make(true).fetchKey(urlOf(path))).rejects.toMatchObject(keysUnavailable);
    await expect(make(true).ask(urlOf('').href, { path })).rejects.toMatchObject({ code: 'shop_unavailable' });
    expect(asked).toEqual([path, path]);
  });

  test.each(['/silent', '/halting'])('never to its end is not waited for: %s', async (path) => {
    const out = make(true, 100);
    const began = performance.now();
    await expect(out.fetchKey(urlOf(path))).rejects.toMatchObject(keysUnavailable);
    await expect(out.ask(urlOf('').href, { path })).rejects.toMatchObject({ code: 'shop_unavailable' });
    expect(asked).toEqual([path, path]);
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});
