import type { KeptDelivery } from '../../shared/domain/delivery.ts';
import type { Instant } from '../../shared/domain/instant.ts';

/** Calls of one source that came to nothing. */
export interface Failures {
  sourceId: string;
  /** The signature was refused. */
  refused: number;
  /** Turned away with a 5xx. */
  unavailable: number;
}

/** What the doors tell the worker that keeps deliveries. */
export type KeepMessage =
  /** A delivery with its body; without one where that is kept already and the delivery is only to be counted. */
  { delivery: KeptDelivery; packed?: Uint8Array } | { failures: Failures[]; at: Instant };

export function written(message: KeepMessage): string {
  if ('failures' in message) return JSON.stringify(message);
  const { delivery, packed } = message;
  return JSON.stringify({ delivery, ...(packed && { body: Buffer.from(packed).toString('base64') }) });
}

/** @throws SyntaxError where the text is none of {@link written} */
export function read(text: string): KeepMessage {
  const message = JSON.parse(text) as { delivery: KeptDelivery; body?: string } | { failures: Failures[]; at: Instant };
  if ('failures' in message) return message;
  const { delivery, body } = message;
  if (!delivery?.id) throw new SyntaxError('no message of a door');
  return { delivery, ...(body !== undefined && { packed: Buffer.from(body, 'base64') }) };
}
