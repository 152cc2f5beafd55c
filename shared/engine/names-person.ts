import { type Identity, isKeyText, normaliseEmail, normalisePhone } from '../domain/identity.ts';
import type { Mint } from '../domain/interaction.ts';
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

/** Ends an address on either side. */
const noAddress = /[\s@<>()[\]\\,;:"'&=?]/;
/** What stands on one side of an `@` is read no further than this, in whatever form of Unicode it is written. */
const longestSide = 512;
const numberLike = /^[+(]?[\d\s().\-/]{6,25}$/;
const startsAsPhone = /^[+(0]/;
const phoneField = /phone|mobile|cell|tel|fax|sms|whatsapp/i;

/**
 * Whom a body names, among others those that the marks are of: by an e-mail address, wherever it stands; by a phone number
 * that is written as one or stands in a field for one; by an id where the body means a customer. Any other number names
 * nobody: a product may bear the number of a customer.
 * @param body parsed; text where it is no JSON
 * @param headers those that were kept with the body: they may say what it is about
 */
export function namedIn(body: unknown, headers: Readonly<Record<string, string>>, marks: Marks): Named {
  const { ids, sourceId } = marks;
  const addresses = new Map<string, Identity>();
  const customers = new Set<string>();
  const orders = new Set<string>();
  lookThrough(body, kindsOfMessage(body, headers), (stated) => {
    for (const identity of addressesOf(stated, marks))
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

function addressesOf({ text, isText, field }: Stated, { phoneOf }: Marks): Identity[] {
  const found: Identity[] = [];
  for (const address of addressesIn(text)) {
    const value = normaliseEmail(address);
    if (value !== undefined) found.push({ namespace: 'email', value });
  }
  if (numberLike.test(text) && (phoneField.test(field) || (isText && startsAsPhone.test(text)))) {
    const value = normalisePhone(text) ?? phoneOf(text);
    if (value !== undefined) found.push({ namespace: 'phone', value });
  }
  return found;
}

/**
 * What stands around each `@`. No character is looked at more than twice, however long the text is and whatever it has:
 * it is a stranger's.
 */
function* addressesIn(text: string): Generator<string> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start <= longestSide && !noAddress.test(text.charAt(start - 1))) start -= 1;
    let end = at + 1;
    while (end < text.length && end - at <= longestSide && !noAddress.test(text.charAt(end))) end += 1;
    const isWhole = at - start <= longestSide && end - at <= longestSide;
    // The end of a sentence is no part of it.
    while (text.charAt(end - 1) === '.') end -= 1;
    if (isWhole && start < at && end > at + 1) yield text.slice(start, end);
  }
}
