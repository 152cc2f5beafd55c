import type { Access } from '../domain/access.ts';
import { Problem } from '../engine/problem.ts';

export interface RateCounter {
  /** Counts one request of a key in a window, and answers how many there are now. `endsAt` in seconds since 1970. */
  countRequest(keyId: string, window: number, endsAt: number): Promise<number>;
}

const windowSeconds = 60;

/**
 * Counts a request against its key's limit in fixed windows of one minute of real time: a test clock that stands still
 * must not lock a key out. The headers are those of draft-ietf-httpapi-ratelimit-headers.
 * @returns the headers of the answer, and the problem where the limit is passed
 */
export async function countAgainstLimit(
  { keyId, rateLimitPerMinute }: Access,
  counter: RateCounter,
  realTime: number,
): Promise<{ headers: Record<string, string>; passed?: Problem }> {
  if (rateLimitPerMinute === undefined) return { headers: {} };
  const window = Math.floor(realTime / 1000 / windowSeconds);
  const endsAt = (window + 1) * windowSeconds;
  const count = await counter.countRequest(keyId, window, endsAt);
  const reset = Math.max(1, Math.ceil(endsAt - realTime / 1000));
  const headers = {
    'ratelimit-limit': String(rateLimitPerMinute),
    'ratelimit-remaining': String(Math.max(0, rateLimitPerMinute - count)),
    'ratelimit-reset': String(reset),
    'ratelimit-policy': `"minute";q=${rateLimitPerMinute};w=${windowSeconds}`,
  };
  if (count <= rateLimitPerMinute) return { headers };
  const detail = `The key may send ${rateLimitPerMinute} requests a minute.`;
  return { headers, passed: new Problem(429, 'rate_limited', detail, { retryAfter: reset }) };
}
