import { gunzipSync, gzipSync } from 'node:zlib';
import type { Source } from '../../shared/domain/source.ts';
import type { AuthenticDelivery } from '../../shared/engine/receive.ts';
import { ports } from './door.ts';

/** A message of SQS holds 1 MiB at most; half of it leaves room for what encoding adds. */
const largest = 512_000;

interface Message {
  sourceId: string;
  id: string;
  receivedAt: string;
  headers: Record<string, string>;
  /** gzip, base64 */
  body: string;
}

/** The delivery as the text of a message; nothing where it is too large for one. */
export function packed(delivery: AuthenticDelivery, source: Source): string | undefined {
  const { keptHeaders } = ports.storefronts[source.platform];
  const message: Message = {
    sourceId: source.id,
    id: delivery.id,
    receivedAt: delivery.receivedAt,
    headers: Object.fromEntries(
      keptHeaders.flatMap((name) => (delivery.headers[name] ? [[name, delivery.headers[name]]] : [])),
    ),
    body: gzipSync(delivery.body).toString('base64'),
  };
  const text = JSON.stringify(message);
  return text.length <= largest ? text : undefined;
}

export function unpacked(text: string): { sourceId: string; delivery: AuthenticDelivery } {
  const { sourceId, id, receivedAt, headers, body } = JSON.parse(text) as Message;
  return { sourceId, delivery: { id, receivedAt, headers, body: gunzipSync(Buffer.from(body, 'base64')) } };
}
