import * as z from 'zod/mini';
import type { Translation } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import { type Listing, perPage } from '../engine/storefront.ts';
import { identifier, read } from './fields.ts';
import { translateOrder } from './shopify-order.ts';

/** A version that is not offered any more is answered as the oldest that is (shopify.dev, "API versioning"). */
const orders = 'admin/api/2026-04/orders.json';
const most = 50;

const listed = z.object({ orders: z.array(z.unknown()) });
const named = z.object({ id: identifier });

/**
 * Orders by the time of their last change (shopify.dev, "Retrieve a list of orders", "Paginate results with REST"). The
 * token needs `read_orders`, and `read_all_orders` for what is older than sixty days.
 */
export const shopifyListing: Listing = {
  lacks({ address, credentials }) {
    if (!address) return 'address: https://<shop>.myshopify.com';
    return credentials?.accessToken ? undefined : 'the credential accessToken of the Admin API';
  },

  async page(source, from, ask) {
    const { address = '', credentials = {} } = source;
    const { since, cursor } = from;
    const limit = String(perPage(most, from));
    const query =
      cursor === undefined
        ? { status: 'any', order: 'updated_at asc', updated_at_min: since, limit }
        : { limit, page_info: cursor };
    const path = `${orders}?${new URLSearchParams(query)}`;
    const answer = await ask(address, { path, headers: { 'x-shopify-access-token': credentials.accessToken ?? '' } });
    if (!answer) throw new Problem(503, 'shop_unavailable', 'The shop has no list of orders at this address.');
    const next = nextOf(answer.headers.link);
    return {
      items: read(listed, answer.body).orders.map((order) => ({
        externalId: idOf(order),
        read: (): Translation => translateOrder(order, source, false),
      })),
      ...(next !== undefined && { next }),
      pause: pauseOf(answer.headers['x-shopify-shop-api-call-limit']),
    };
  },
};

function idOf(order: unknown): string {
  const found = z.safeParse(named, order);
  return found.success ? found.data.id : 'unknown';
}

/** `<https://shop.myshopify.com/admin/api/…/orders.json?limit=50&page_info=…>; rel="next"` */
function nextOf(link: string | undefined): string | undefined {
  const [, address = ''] = /<([^<>]+)>;\s*rel="next"/.exec(link ?? '') ?? [];
  return URL.canParse(address) ? (new URL(address).searchParams.get('page_info') ?? undefined) : undefined;
}

/** `32/40`: the bucket loses two a second. Other apps of the shop draw on one of their own. */
function pauseOf(limit: string | undefined): number {
  const [, used = '0', size = '40'] = /^(\d{1,6})\/(\d{1,6})$/.exec(limit ?? '') ?? [];
  return Number(used) * 2 > Number(size) ? 2_000 : 500;
}
