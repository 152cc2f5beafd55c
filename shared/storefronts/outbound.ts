import { lookup } from 'node:dns';
import { type IncomingHttpHeaders, request as plain } from 'node:http';
import { request as encrypted } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Problem } from '../engine/problem.ts';
import type { AskShop, AskShopPage, Check } from '../engine/storefront.ts';

/** What leaves the engine for a shop: bounded in time and size, never to an address of a private network, no redirects. */
export interface Outbound {
  fetchKey: Check['fetchKey'];
  ask: AskShop;
  askPage: AskShopPage;
}

const usualTimeout = 4_000;
const mostBytes = 5_000_000;
const keptFor = 3_600_000;
/** A key is looked for past the cache no more often than this. */
const freshFor = 10_000;
const mostKept = 100;
const mostKeyBytes = 100_000;
/** A key that could not be had is left alone for so long. */
const failedFor = 5_000;
/** Anybody may name a key: of those of one host that were never seen so many are asked for in a minute. */
const mostUnseen = 20;
/** And of those that were turned away in that minute so many more: whoever forges invents others, a real one comes again. */
const mostAgain = 10;
const mostTurnedAway = 1_000;

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface OutboundSettings {
  /** Whether 127.0.0.1 may be asked, without encryption: on a test stage alone. */
  loopback: boolean;
  /** Milliseconds until an answer is there in whole; four seconds where absent. */
  timeout?: number;
  readJson(body: Uint8Array): unknown;
}

export function outbound({ loopback, timeout = usualTimeout, readJson }: OutboundSettings): Outbound {
  const stage = { loopback, timeout };
  const kept = new Map<string, { text: string; at: number; soughtAt: number }>();
  const underWay = new Map<string, Promise<string>>();
  /** By address, why a key could not be had; and by host, how many that were never seen were asked for in this minute. */
  const failed = new Map<string, { error: unknown; until: number }>();
  const unseen = new Map<string, number>();
  const turnedAway = new Set<string>();
  let minuteBegan = Number.NEGATIVE_INFINITY;
  /** By origin, until when a shop that was asked too often is left alone: one answer speaks for all that wait. */
  const pauses = new Map<string, number>();

  async function fetchAnew(url: URL, fresh: boolean): Promise<string> {
    if (!kept.has(url.href)) countUnseen(url);
    try {
      const text = await publishedAt(url);
      kept.delete(url.href);
      const [oldest] = kept.keys();
      if (oldest !== undefined && kept.size >= mostKept) kept.delete(oldest);
      const at = performance.now();
      kept.set(url.href, { text, at, soughtAt: fresh ? at : -freshFor });
      return text;
    } catch (error) {
      failed.set(url.href, { error, until: performance.now() + failedFor });
      throw error;
    }
  }

  /** @throws Problem `keys_unavailable` */
  function countUnseen({ host, href }: URL): void {
    const now = performance.now();
    if (now - minuteBegan >= 60_000) {
      minuteBegan = now;
      unseen.clear();
      failed.clear();
      turnedAway.clear();
    }
    const asked = unseen.get(host) ?? 0;
    if (asked >= mostUnseen + (turnedAway.has(href) ? mostAgain : 0)) {
      if (turnedAway.size < mostTurnedAway) turnedAway.add(href);
      throw keysUnavailable('Too many keys that nobody ever saw were named within a minute.');
    }
    unseen.set(host, asked + 1);
  }

  async function publishedAt(url: URL): Promise<string> {
    const { status, body } = await send(url, { method: 'GET' }, stage, mostKeyBytes).catch((cause) => {
      throw keysUnavailable('The keys that this signature is checked with cannot be had.', cause);
    });
    if (status === 200) return body.toString('utf8');
    throw keysUnavailable(`The keys that this signature is checked with: status ${status}.`);
  }

  const askPage: AskShopPage = async (address, { path, method = 'GET', headers = {}, body, form }) => {
    const url = new URL(`${address.replace(/\/+$/, '')}/${path.replace(/^\/+/, '')}`);
    const rest = ((pauses.get(url.origin) ?? 0) - performance.now()) / 1000;
    if (rest > 0) throw unavailable('shop_unavailable', "The shop's API asked for a pause.", { retryAfter: rest });
    const [text, type] = form
      ? [new URLSearchParams(form).toString(), 'application/x-www-form-urlencoded']
      : [body === undefined ? undefined : JSON.stringify(body), 'application/json'];
    const sent = { accept: 'application/json', ...(text && { 'content-type': type }), ...headers };
    const answer = await send(url, { method, headers: sent, ...(text && { body: text }) }, stage).catch((cause) => {
      const detail = cause instanceof TooLong ? cause.message : 'does not answer';
      throw unavailable('shop_unavailable', `The shop's API ${detail}.`, { cause });
    });
    const { status } = answer;
    if (status === 404 || status === 410 || status === 204) return undefined;
    if (status === 401 || status === 403)
      throw unavailable('shop_refused', `The shop's API refuses the credentials with status ${status}.`);
    if (status < 200 || status > 299) {
      const retryAfter = pauseOf(answer.headers) ?? (status === 429 ? usualPause : undefined);
      if (status === 429 && retryAfter) pauses.set(url.origin, performance.now() + retryAfter * 1000);
      throw unavailable('shop_unavailable', `The shop's API answered with status ${status}.`, { retryAfter });
    }
    // As a shop shows it during maintenance: it says nothing of what was asked for.
    if (/^text\/html/.test(answer.headers['content-type'] ?? ''))
      throw unavailable('shop_unavailable', "The shop's API answered with a page for people.");
    return { body: readJson(answer.body), headers: headersOf(answer.headers) };
  };

  return {
    async fetchKey(url, { fresh } = { fresh: false }) {
      const now = performance.now();
      const known = kept.get(url.href);
      if (known && (fresh ? now - known.soughtAt < freshFor : now - known.at < keptFor)) return known.text;
      const failure = failed.get(url.href);
      if (failure && now < failure.until) throw failure.error;
      const asked = underWay.get(url.href) ?? fetchAnew(url, fresh).finally(() => underWay.delete(url.href));
      underWay.set(url.href, asked);
      return asked;
    },

    ask: async (address, request) => (await askPage(address, request))?.body,
    askPage,
  };
}

const usualPause = 30;
const longestPause = 3_600;

/** Seconds for which the shop wants to be left alone: RFC 9110, or BigCommerce's own header. */
function pauseOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers['retry-after'];
  const window = Number(headers['x-rate-limit-time-reset-ms'] ?? Number.NaN) / 1000;
  const seconds =
    given === undefined ? window : /^\d+(\.\d+)?$/.test(given) ? Number(given) : secondsUntil(given, headers.date);
  return seconds > 0 ? Math.min(seconds, longestPause) : undefined;
}

/** By the shop's own clock, which says the time in each answer. */
function secondsUntil(date: string, now: string | undefined): number {
  return (Date.parse(date) - Date.parse(now ?? '')) / 1000;
}

function keysUnavailable(detail: string, cause?: unknown): Problem {
  return unavailable('keys_unavailable', detail, { cause, retryAfter: usualPause });
}

function unavailable(
  code: string,
  detail: string,
  { cause, retryAfter }: { cause?: unknown; retryAfter?: number | undefined } = {},
): Problem {
  return new Problem(503, code, detail, {
    ...(retryAfter !== undefined && { retryAfter: Math.ceil(retryAfter) }),
    ...(cause !== undefined && { cause }),
  });
}

class TooLong extends Error {}

interface Sent {
  method: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

function send(
  url: URL,
  { method, headers, body }: Sent,
  { loopback, timeout }: { loopback: boolean; timeout: number },
  most = mostBytes,
): Promise<Answer> {
  const isLocal = loopback && url.hostname === '127.0.0.1';
  return new Promise((resolve, reject) => {
    if (url.protocol !== 'https:' && !(isLocal && url.protocol === 'http:')) {
      throw new Error('only https may be asked');
    }
    if (isIP(url.hostname.replace(/^\[|\]$/g, '')) && !isLocal) throw new Error('an address must have a name');
    const request = url.protocol === 'https:' ? encrypted : plain;
    const signal = AbortSignal.timeout(timeout);
    const options = { method, headers, signal, ...(!isLocal && { lookup: publicLookup }) };
    const call = request(url, options, (answer) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > most) call.destroy(new TooLong(`answered with more than ${most} bytes`));
        else chunks.push(chunk);
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
      );
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** Names come in lower case; one that came twice is joined by commas. */
function headersOf(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

/** Networks that are nobody's public shop (RFC 6890, RFC 4193, and the metadata services of clouds among them). */
const closed = new BlockList();
for (const [network, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const)
  closed.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const)
  closed.addSubnet(network, prefix, 'ipv6');

/** Resolves a name and refuses it where any of its addresses is private: the connection is made to what was checked. */
const publicLookup: LookupFunction = (hostname, options, answer) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error) return answer(error, '');
    const [first] = found;
    const isClosed = found.some(({ address, family }) => closed.check(address, family === 6 ? 'ipv6' : 'ipv4'));
    if (!first || isClosed) return answer(new Error('the name leads to no public address'), '');
    if (options.all) return answer(null, found);
    answer(null, first.address, first.family);
  });
};
