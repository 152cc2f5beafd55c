import type { Instant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import type { Resource, Translation } from './fact.ts';

/** One call of a webhook, as it came. */
export interface Delivery {
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Exactly the bytes that came: what the signature speaks of. */
  body: Uint8Array;
}

export type Verdict = { authentic: true } | { refused: string };

/** What of a source a signature speaks of. */
export type SignedBy = Pick<Source, 'secrets' | 'address' | 'notificationUrl' | 'webhookId'>;

/** What a signature is checked with beside the source itself. */
export interface Check {
  now: Instant;
  /**
   * Fetches a published key or certificate, with a time-out, a bound and a cache. Its host is pinned by the storefront
   * that asks. `fresh` looks past the cache, for a key that may have been published since: once in ten seconds at most. One
   * that could not be had, and many that were never seen, are not asked for at once: that throws as well.
   * @throws Problem `keys_unavailable`: nothing is proven, and the delivery must be tried again
   */
  fetchKey(url: URL, options?: { fresh: boolean }): Promise<string>;
}

/** One request to a shop's own API. */
export interface ShopRequest {
  /** Path and query, below the API's address. */
  path: string;
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** JSON. */
  body?: unknown;
  /** Fields of a form, instead of a body. */
  form?: Readonly<Record<string, string>>;
}

/**
 * Asks a shop's API at the given address and answers with the parsed body; undefined where there is no such resource.
 * @throws Problem `shop_unavailable`: to be tried again, after `retryAfter` where the shop says when; `shop_refused` where
 * it does not know the credentials (any more), which somebody may mend
 */
export type AskShop = (address: string, request: ShopRequest) => Promise<unknown>;

/** As {@link AskShop}, with what the answer's headers say; undefined where there is no such resource. */
export type AskShopPage = (
  address: string,
  request: ShopRequest,
) => Promise<{ body: unknown; headers: Readonly<Record<string, string>> } | undefined>;

/** One thing that a shop lists: an order, or a message about one. */
export interface ListedItem {
  /** The shop's own id. */
  externalId: string;
  /** @throws Unintelligible */
  read(): Translation;
}

export interface ListedPage {
  items: ListedItem[];
  /** Where the list goes on; absent at its end. */
  next?: string;
  /** Milliseconds for which the shop should be left alone; half a second where absent. */
  pause?: number;
}

/** What a shop's API lists of what happened since a time, so that nothing is lost with a webhook. */
export interface Listing {
  /** So many days back the list is whole; absent where the platform sets it no bound that is known in advance. */
  daysBack?: number;
  /** What the source still needs before its shop can be asked; nothing where it has all. */
  lacks(source: Source): string | undefined;
  /**
   * One page, by one request.
   * @param from since when, the `next` of the page before, and how often the page is to be halved
   * @throws Problem `shop_unavailable`, `shop_refused`
   */
  page(source: Source, from: PageFrom, ask: AskShopPage): Promise<ListedPage>;
}

export interface PageFrom {
  since: Instant;
  cursor?: string;
  halvings: number;
}

export function perPage(most: number, { halvings }: PageFrom): number {
  return Math.max(1, most >> halvings);
}

/** A platform: verify, then translate. */
export interface Storefront {
  /** What counts as a purchase where a source does not say. */
  countsWhen: Source['countsWhen'];
  /**
   * Raised by one by whoever mends how orders are read: played again, a delivery then takes the place of what had been
   * read in it before. 0 where absent.
   */
  reading?: number;
  /**
   * Whether the delivery was signed for this source; of `refused` the reason, without secrets.
   * Looks at headers and bytes only: nothing is parsed before.
   */
  verify(delivery: Delivery, source: SignedBy, check: Check): Verdict | Promise<Verdict>;
  /**
   * Whether an authentic message is meant for this source, where a platform signs for all of its customers by one key:
   * what is not is refused at the door, and not understood where it was kept, as nobody knows whose it is.
   * @param body the parsed body
   */
  isFor?(body: unknown, source: SignedBy): boolean;
  /**
   * Whether this only asks if anybody is there, without a signature: answered with 200, and nothing comes of it. Looks
   * at headers and bytes only.
   */
  ping?(delivery: Delivery): boolean;
  /** The platform's own id of the delivery, the same when it is sent again; absent where it has none. */
  deliveryId(delivery: Delivery): string | undefined;
  /** The query parameter that the platform sends by GET before it trusts an address: its value is given back. */
  echoes?: string;
  /** Headers that translation needs: kept with a delivery that is set aside. */
  keptHeaders: readonly string[];
  /**
   * What the message says.
   * @param body the parsed body: numbers that a double cannot hold are text
   * @throws Unintelligible
   */
  translate(body: unknown, delivery: Pick<Delivery, 'headers'>, source: Source): Translation;
  /**
   * For platforms whose messages name what changed and no more: the state of the thing itself, which is the truth.
   * @param askedAt the time by the clock at the door
   * @throws Unintelligible
   * @throws Problem `shop_unavailable`, `shop_refused`
   */
  fetch?(resource: Resource, source: Source, ask: AskShop, askedAt: Instant): Promise<Translation>;
  listing?: Listing;
}

/** One row of a shop's own export, by column; what it does not say is empty. */
export type ExportRow = Readonly<Record<string, string>>;

/** A shop's own export of its orders as CSV: one row for an order, or adjacent ones. */
export interface OrderExport {
  /** Columns without which a file is none of these. */
  needs: readonly string[];
  /** Whether a row goes on with the order that `first` begins. */
  goesOn(first: ExportRow, row: ExportRow): boolean;
  /**
   * What the rows of one order say.
   * @throws Unintelligible
   */
  translate(rows: readonly ExportRow[], source: Source): Translation;
}
