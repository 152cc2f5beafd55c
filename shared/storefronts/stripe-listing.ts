import * as z from 'zod/mini';
import { millisecondsOf } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import type { Translation } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import { type Listing, perPage } from '../engine/storefront.ts';
import { identifier, read } from './fields.ts';

const most = 100;
/** Stripe keeps thirty days of events; one is left for a comparison that has to wait for its turn. */
const daysBack = 29;

const listed = z.object({ data: z.array(z.unknown()), has_more: z.boolean() });
const named = z.object({ id: identifier });

/**
 * Events, newest first, each as its webhook would have told it (docs.stripe.com/api/events/list). What is
 * older than thirty days is not told of at all, and the list does not say so.
 * @param types of events, twenty at most
 */
export function stripeListing(
  types: readonly string[],
  translate: (event: unknown, source: Source) => Translation,
): Listing {
  return {
    daysBack,

    lacks: ({ credentials }) =>
      credentials?.secretKey ? undefined : 'the credential secretKey: a restricted key that may read events',

    async page(source, from, ask) {
      const { since, cursor } = from;
      const { address = 'https://api.stripe.com', credentials = {} } = source;
      const query = new URLSearchParams({
        limit: String(perPage(most, from)),
        'created[gte]': String(Math.floor(millisecondsOf(since) / 1000)),
        ...(cursor !== undefined && { starting_after: cursor }),
      });
      for (const type of types) query.append('types[]', type);
      const headers = { authorization: `Bearer ${credentials.secretKey}` };
      const answer = await ask(address, { path: `v1/events?${query}`, headers });
      if (!answer) throw new Problem(503, 'shop_unavailable', 'There is no list of events at this address.');
      const { data, has_more } = read(listed, answer.body);
      const items = data.map((event) => ({ externalId: idOf(event), read: () => translate(event, source) }));
      const next = has_more ? items.at(-1)?.externalId : undefined;
      return { items, ...(next !== undefined && { next }) };
    },
  };
}

function idOf(event: unknown): string {
  const found = z.safeParse(named, event);
  return found.success ? found.data.id : 'unknown';
}
