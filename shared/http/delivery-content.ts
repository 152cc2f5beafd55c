import type { KeptDelivery } from '../domain/delivery.ts';
import type { DeliveryContent } from '../engine/whose-delivery.ts';
import { readJson } from './json.ts';

/** A kept delivery parsed, as far as it is JSON. */
export function contentOf(kept: { delivery: KeptDelivery; body: Uint8Array } | undefined): DeliveryContent {
  if (!kept) return { body: '', headers: {} };
  const { headers } = kept.delivery;
  try {
    return { body: readJson(kept.body), headers };
  } catch {
    return { body: Buffer.from(kept.body).toString('utf8'), headers };
  }
}
