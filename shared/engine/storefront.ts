import type { Instant } from '../domain/instant.ts';
import type { Source } from '../domain/source.ts';
import type { Translation } from './fact.ts';

/** One call of a webhook, as it came. */
export interface Delivery {
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Exactly the bytes that came: what the signature speaks of. */
  body: Uint8Array;
}

/** A platform: verify, then translate. */
export interface Storefront {
  /**
   * Whether the delivery was signed with one of the secrets; of `refused` the reason, without secrets.
   * Looks at headers and bytes only: nothing is parsed before.
   */
  verify(delivery: Delivery, secrets: readonly string[], now: Instant): { authentic: true } | { refused: string };
  /** The platform's own id of the delivery, the same when it is sent again; absent where it has none. */
  deliveryId(delivery: Delivery): string | undefined;
  /** Headers that translation needs: kept with a delivery that is set aside. */
  keptHeaders: readonly string[];
  /**
   * What the message says.
   * @param body the parsed body: numbers that a double cannot hold are text
   * @throws Unintelligible
   */
  translate(body: unknown, delivery: Pick<Delivery, 'headers'>, source: Source): Translation;
}
