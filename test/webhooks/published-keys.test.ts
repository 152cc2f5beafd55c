import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Outbound, outbound } from '../../shared/storefronts/outbound.ts';

/** Whoever forges a message names what it is to be checked with: that must not make us ask without end. */
let host: Server;
let keys: Outbound;
let asked: string[];
/** Milliseconds that the clock is put on. */
let later: number;

beforeAll(async () => {
  host = createServer(({ url = '' }, answer) => {
    asked.push(url);
    answer.writeHead(url.startsWith('/good') ? 200 : 404).end(`key at ${url}`);
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  host.close();
});
beforeEach(() => {
  const began = performance.now();
  later = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => began + later);
  asked = [];
  keys = outbound({ loopback: true, readJson: () => undefined });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const fetch = (path: string, options?: { fresh: boolean }) =>
  keys.fetchKey(new URL(path, `http://127.0.0.1:${(host.address() as AddressInfo).port}`), options);
const unavailable = { status: 503, code: 'keys_unavailable' };

test('a key that cannot be had is left alone for some seconds', async () => {
  for (let i = 0; i < 3; i++) await expect(fetch('/bad')).rejects.toMatchObject(unavailable);
  expect(asked).toEqual(['/bad']);
  later = 6_000;
  await expect(fetch('/bad')).rejects.toMatchObject(unavailable);
  expect(asked).toEqual(['/bad', '/bad']);
});

test('of keys that nobody ever saw some are asked for in a minute; one that was seen is not held up', async () => {
  await fetch('/good');
  for (let i = 0; i < 50; i++) await expect(fetch(`/bad/${i}`)).rejects.toMatchObject(unavailable);
  expect(asked.length).toBe(20);
  await expect(fetch('/good/too')).rejects.toMatchObject(unavailable);
  expect(await fetch('/good', { fresh: true })).toBe('key at /good');
  expect(asked.length).toBe(21);
  later = 61_000;
  expect(await fetch('/good/too')).toBe('key at /good/too');
});

test('a key that was turned away among many is had when it is named again, as a real one is; those are bounded too', async () => {
  for (let i = 0; i < 50; i++) await expect(fetch(`/bad/${i}`)).rejects.toMatchObject(unavailable);
  await expect(fetch('/good')).rejects.toMatchObject(unavailable);
  for (let i = 50; i < 100; i++) await expect(fetch(`/bad/${i}`)).rejects.toMatchObject(unavailable);
  expect(asked.length).toBe(20);
  expect(await fetch('/good')).toBe('key at /good');
  for (let i = 0; i < 100; i++) await expect(fetch(`/bad/${i}`)).rejects.toMatchObject(unavailable);
  expect(asked.length).toBe(30);
  expect(await fetch('/good')).toBe('key at /good');
});

test('many keys push out the oldest, not all', async () => {
  for (let i = 0; i < 101; i++) {
    later = Math.floor(i / 20) * 61_000;
    await fetch(`/good/${i}`);
  }
  asked = [];
  for (let i = 1; i < 101; i++) await fetch(`/good/${i}`);
  expect(asked).toEqual([]);
});
