import * as z from 'zod/mini';
import { type Instant, instantOf, millisecondsOf, parseInstant } from '../domain/instant.ts';
import type { Translation } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import { type Listing, perPage } from '../engine/storefront.ts';
import { identifier, read } from './fields.ts';

const most = 50;
const second = 1000;
/** As many as an address has room for. */
const mostLeftOut = 400;

const listed = z.array(z.unknown());
const named = z.object({ id: identifier, date_modified_gmt: z.string() });

/**
 * Where the list goes on: orders that changed after a time, without those of its first second that were seen. Pages by
 * number are all of the size of the first.
 */
const cursorShape = z.object({
  after: z.string(),
  page: z.int(),
  size: z.optional(z.int()),
  seen: z.array(z.string()),
});
type Cursor = z.output<typeof cursorShape>;

/**
 * Orders by the time of their last change (the REST API v3, WooCommerce 5.8 and later). By pages alone an order would be
 * missed where one before it changes meanwhile and goes to the end of the list: so each request begins at the last second of
 * the one before, and leaves out what was seen of it.
 */
export function woocommerceListing(
  translate: (order: unknown, source: Parameters<Listing['lacks']>[0]) => Translation,
) {
  return {
    lacks({ address, credentials }) {
      if (!address) return 'address: that of the shop';
      const isKnown = credentials?.consumerKey && credentials.consumerSecret;
      return isKnown ? undefined : 'the credentials consumerKey and consumerSecret of the REST API';
    },

    async page(source, from, ask) {
      const { address = '', credentials: { consumerKey, consumerSecret } = {} } = source;
      const cursor: Cursor = from.cursor === undefined ? first(from.since) : read(cursorShape, JSON.parse(from.cursor));
      const { size = perPage(most, from) } = cursor;
      const query = new URLSearchParams({
        modified_after: withoutZone(cursor.after),
        dates_are_gmt: 'true',
        orderby: 'modified',
        order: 'asc',
        per_page: String(size),
        page: String(cursor.page),
        ...(cursor.seen.length > 0 && { exclude: cursor.seen.join(',') }),
      });
      const authorization = `Basic ${Buffer.from(`${consumerKey}:${consumerSecret}`).toString('base64')}`;
      const path = `wp-json/wc/v3/orders?${query}`;
      const answer = await ask(address, { path, headers: { authorization } });
      if (!answer) throw new Problem(503, 'shop_unavailable', 'The shop has no REST API v3 at this address.');
      const orders = read(listed, answer.body);
      const items = orders.map((order) => ({ ...placeOf(order), read: () => translate(order, source) }));
      const next = orders.length < size ? undefined : after(cursor, items, size);
      return { items, ...(next && { next: JSON.stringify(next) }) };
    },
  } satisfies Listing;
}

/** One second before: the list is of what changed after. */
function first(since: Instant): Cursor {
  return { after: instantOf(millisecondsOf(since) - second), page: 1, seen: [] };
}

interface Placed {
  externalId: string;
  at: Instant | undefined;
}

function placeOf(order: unknown): Placed {
  const found = z.safeParse(named, order);
  if (!found.success) return { externalId: 'unknown', at: undefined };
  return { externalId: found.data.id, at: parseInstant(`${found.data.date_modified_gmt}Z`) };
}

function after(cursor: Cursor, items: readonly Placed[], size: number): Cursor {
  const last = items.at(-1)?.at;
  const seen = items.filter(({ at }) => at !== undefined && at === last).map(({ externalId }) => externalId);
  const begin = last && instantOf(millisecondsOf(last) - second);
  if (begin !== undefined && begin > cursor.after) return { after: begin, page: 1, seen };
  // More orders of one second than a page holds.
  const all = [...new Set([...cursor.seen, ...seen])];
  if (all.length > mostLeftOut || all.length === cursor.seen.length) return { ...cursor, page: cursor.page + 1, size };
  return { ...cursor, seen: all };
}

function withoutZone(instant: Instant): string {
  return instant.slice(0, 19);
}
