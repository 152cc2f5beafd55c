import { type Identity, isKeyText, normaliseEmail, normalisePhone } from '../domain/identity.ts';
import type { Mint } from '../domain/interaction.ts';
import { addressesIn, asPeopleRead, numbersIn } from './addresses-in-text.ts';
import { kindsOfMessage, lookThrough, type Stated } from './body-places.ts';
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

/** Whom a body names. */
export interface Named {
  /** By an id of the source where the body means a customer. */
  byId: boolean;
  /** The e-mail addresses and phone numbers that are theirs. */
  addresses: Identity[];
  /** The source's ids of other customers, where the body means a customer. */
  otherCustomers: ReadonlySet<string>;
  /** The source's ids of orders, where the body means an order. */
  orders: ReadonlySet<string>;
}

const fullWidth = /[\uff21-\uff3a\uff41-\uff5a]/;
const numberLike = /^[+(]?[\d\s().\-/]{6,25}$/;
const startsAsPhone = /^[+(0]/;
const phoneField = /phone|mobile|cell|tel|fax|sms|whatsapp/i;

/**
 * Whom a body names, among others those that the marks are of: by an e-mail address, wherever it stands; by a phone number
 * that is written as one or stands in a field for one, within a text with its country code; by an id where the body means
 * a customer. Any other number names nobody: a product may bear the number of a customer.
 * @param body parsed; text where it is no JSON
 * @param headers those that were kept with the body: they may say what it is about
 */
export function namedIn(body: unknown, headers: Readonly<Record<string, string>>, marks: Marks): Named {
  const { ids, sourceId } = marks;
  const addresses = new Map<string, Identity>();
  const seen = new Set<string>();
  const customers = new Set<string>();
  const orders = new Set<string>();
  lookThrough(body, kindsOfMessage(body, headers), (stated) => {
    for (const identity of addressesOf(stated, marks, seen))
      if (ids.has(customerIdFrom(identity, marks))) addresses.set(identity.value, identity);
    const { customerId, orderId } = stated;
    if (customerId !== undefined && isKeyText(customerId)) customers.add(customerId);
    if (orderId !== undefined && isKeyText(orderId)) orders.add(orderId);
  });
  let byId = false;
  for (const value of customers) {
    if (!ids.has(customerIdFrom({ namespace: sourceId, value }, marks))) continue;
    customers.delete(value);
    byId = true;
  }
  return { byId, addresses: [...addresses.values()], otherCustomers: customers, orders };
}

/** So many of a body are remembered, as it may be longer than there is room for. */
const mostSeen = 50_000;

/** @param seen what was found in the body before: it is looked up once */
function addressesOf({ text: said, isText, field }: Stated, { phoneOf }: Marks, seen: Set<string>): Identity[] {
  const found: Identity[] = [];
  const text = asPeopleRead(said);
  for (const address of addressesIn(text)) {
    if (seen.has(address)) continue;
    if (seen.size < mostSeen) seen.add(address);
    // Letters in full width may have been kept so, or as plain ones.
    for (const form of fullWidth.test(address) ? [address, address.normalize('NFKC')] : [address]) {
      const value = normaliseEmail(form);
      if (value !== undefined) found.push({ namespace: 'email', value });
    }
  }
  const isNumber = numberLike.test(text) && (phoneField.test(field) || (isText && startsAsPhone.test(text)));
  const whole = isNumber ? (normalisePhone(text) ?? phoneOf(text)) : undefined;
  const numbers = whole !== undefined ? [whole] : isText ? [...numbersIn(text)].map(normalisePhone) : [];
  for (const value of numbers) if (value !== undefined) found.push({ namespace: 'phone', value });
  return found;
}
