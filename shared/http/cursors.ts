import { createHmac, timingSafeEqual } from 'node:crypto';
import { Problem } from '../engine/problem.ts';

/** What a cursor belongs to: it leads nowhere under another key or in another query. */
export interface CursorFrame {
  secret: string;
  keyId: string;
  routeKey: string;
  /** Path parameters and filters. */
  query: Record<string, string>;
}

const macBytes = 16;

/** An opaque, authenticated text for a place in a list. */
export function writeCursor(position: string, frame: CursorFrame): string {
  const text = Buffer.from(position, 'utf8');
  return Buffer.concat([mac(text, frame), text]).toString('base64url');
}

/** @param pointer where it was given
 * @throws Problem `invalid_cursor` where the text was not made for this key and query */
export function readCursor(cursor: string, frame: CursorFrame, pointer: string): string {
  const bytes = Buffer.from(cursor, 'base64url');
  const text = bytes.subarray(macBytes);
  const signature = bytes.subarray(0, macBytes);
  const canonical = bytes.toString('base64url') === cursor;
  if (!canonical || signature.length < macBytes || !timingSafeEqual(signature, mac(text, frame)))
    throw new Problem(400, 'invalid_cursor', 'The cursor does not belong to this query and key.', {
      faults: [{ pointer, detail: 'Take nextCursor of the page before, with the same filters.' }],
    });
  return text.toString('utf8');
}

function mac(text: Buffer, { secret, keyId, routeKey, query }: CursorFrame): Buffer {
  const filters = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHmac('sha256', secret)
    .update(JSON.stringify([keyId, routeKey, filters]))
    .update('\0')
    .update(text)
    .digest()
    .subarray(0, macBytes);
}
