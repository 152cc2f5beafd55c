import { type Identity, normaliseEmail, normalisePhone } from '../domain/identity.ts';
import type { Mint } from '../domain/interaction.ts';
import { kindsOfMessage, placed, type Stated } from './body-places.ts';
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
const numberLike = /^[+(]?[\d\s().\-/]{6,25}$/;
const startsAsPhone = /^[+(0]/;
const phoneField = /phone|mobile|cell|tel|fax|sms|whatsapp/i;
const longest = 255;

/**
 * Whether a body names one of those that the marks are of: by an e-mail address, wherever it stands; by a phone number
 * that is written as one or stands in a field for one; by an id where the body means a customer. Any other number names
 * nobody: a product may bear the number of a customer.
 * @param body parsed; text where it is no JSON
 * @param headers those that were kept with the body: they may say what it is about
 */
export function namesPerson(body: unknown, headers: Readonly<Record<string, string>>, marks: Marks): boolean {
  for (const stated of placed(body, kindsOfMessage(body, headers)))
    if (identitiesIn(stated, marks).some((identity) => marks.ids.has(customerIdFrom(identity, marks)))) return true;
  return false;
}

/** Whether a body names one of some orders, where it means an order. */
export function namesOrder(
  body: unknown,
  headers: Readonly<Record<string, string>>,
  orders: ReadonlySet<string>,
): boolean {
  if (orders.size === 0) return false;
  for (const { orderId } of placed(body, kindsOfMessage(body, headers)))
    if (orderId !== undefined && orders.has(orderId)) return true;
  return false;
}

function identitiesIn({ text, isText, field, customerId }: Stated, { sourceId, phoneOf }: Marks): Identity[] {
  const found: Identity[] = [];
  for (const [address] of text.matchAll(addressLike)) {
    const value = normaliseEmail(address.replace(/\.+$/, ''));
    if (value !== undefined) found.push({ namespace: 'email', value });
  }
  if (numberLike.test(text) && (phoneField.test(field) || (isText && startsAsPhone.test(text)))) {
    const value = normalisePhone(text) ?? phoneOf(text);
    if (value !== undefined) found.push({ namespace: 'phone', value });
  }
  if (customerId !== undefined && customerId.length <= longest) found.push({ namespace: sourceId, value: customerId });
  return found;
}
