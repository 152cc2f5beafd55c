import { type Identity, normaliseEmail, normalisePhone } from '../domain/identity.ts';
import type { Mint } from '../domain/interaction.ts';
import { customerIdFrom } from './known.ts';

/** Whom a body might name: of these the ids are minted, and compared. So nobody has to remember the addresses. */
export interface Marks {
  ids: ReadonlySet<string>;
  /** Ids of customers in the body are those of this source. */
  sourceId: string;
  mint: Mint;
  /** E.164, also of a number that stands without its country code. */
  phoneOf(text: string): string | undefined;
}

const addressLike = /[^\s@<>()[\]\\,;:"'&=?]+@[^\s@<>()[\]\\,;:"'&=?]+/g;
const numberLike = /^\+?[\d\s().\-/]{6,25}$/;

/**
 * Whether a text or a number in a body is one of the identities that the marks are of.
 * @param body parsed; text where it is no JSON
 */
export function namesPerson(body: unknown, marks: Marks): boolean {
  if (typeof body === 'string' || typeof body === 'number' || typeof body === 'bigint')
    return identitiesIn(String(body), marks).some((identity) => marks.ids.has(customerIdFrom(identity, marks)));
  if (body === null || typeof body !== 'object') return false;
  return Object.entries(body).some(
    ([name, value]) => namesPerson(value, marks) || (name.includes('@') && namesPerson(name, marks)),
  );
}

function identitiesIn(text: string, { sourceId, phoneOf }: Marks): Identity[] {
  const found: Identity[] = [];
  for (const [address] of text.matchAll(addressLike)) {
    const value = normaliseEmail(address.replace(/\.+$/, ''));
    if (value !== undefined) found.push({ namespace: 'email', value });
  }
  if (numberLike.test(text)) {
    const value = normalisePhone(text) ?? phoneOf(text);
    if (value !== undefined) found.push({ namespace: 'phone', value });
  }
  if (text.length <= 255) found.push({ namespace: sourceId, value: text });
  // `gid://shopify/Customer/1`
  const last = /\/(\w+)$/.exec(text)?.[1];
  if (last !== undefined) found.push({ namespace: sourceId, value: last });
  return found;
}
