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
const noAddress = /[\s@<>()[\]\\,;:"?]/;
/** Joiners, marks of direction, soft hyphens: a text looks the same with them. */
const unseen = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;
/** A domain at the beginning of a text, without the dot or hyphen behind it. */
const hostLike = /^[\p{L}\p{M}\p{N}](?:[\p{L}\p{M}\p{N}.-]*[\p{L}\p{M}\p{N}])?/u;
/** What people have in their addresses: `mary-ann@` is not `ann@`. All else may be of the text. */
const usual = /[\p{L}\p{M}\p{N}._+'-]/u;
const leading = /^[._+'-]+/;
/** A local part has 64 characters at most (RFC 5321), and quotes before it; so many marks are tried as its beginning. */
const longestLocal = 70;
const mostMarks = 16;
/** What stands on one side of an `@` is read no further than this, in whatever form of Unicode it is written. */
const longestSide = 512;
const numberLike = /^[+(]?[\d\s().\-/]{6,25}$/;
/** A number with its country code within a text. */
const internationalNumber = /(?:\+|(?<!\d)00)[1-9][\d ().\-/]{5,24}/g;
/** Fewer digits are no number with its country code. */
const leastDigits = 8;
const mostGroups = 5;
const startsAsPhone = /^[+(0]/;
const phoneField = /phone|mobile|cell|tel|fax|sms|whatsapp/i;

/**
 * Whom a body names, among others those that the marks are of: by an e-mail address, wherever it stands; by a phone number
 * that is written as one or stands in a field for one, within a text with its country code; by an id where the body means a customer. Any other number names
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

function addressesOf({ text: said, isText, field }: Stated, { phoneOf }: Marks): Identity[] {
  const found: Identity[] = [];
  const text = written(said);
  for (const address of addressesIn(text)) {
    const value = normaliseEmail(address);
    if (value !== undefined) found.push({ namespace: 'email', value });
  }
  const isNumber = numberLike.test(text) && (phoneField.test(field) || (isText && startsAsPhone.test(text)));
  const whole = isNumber ? (normalisePhone(text) ?? phoneOf(text)) : undefined;
  const numbers = whole !== undefined ? [whole] : isText ? [...numbersIn(text)].map(normalisePhone) : [];
  for (const value of numbers) if (value !== undefined) found.push({ namespace: 'phone', value });
  return found;
}

/**
 * What may be the address around each `@`: all that stands there, and what is left where marks before it, or behind it,
 * belong to the text. However long the text is, so much is looked at for each `@`, and no more: it is a stranger's.
 */
function* addressesIn(text: string): Generator<string> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start <= longestSide && !noAddress.test(text.charAt(start - 1))) start -= 1;
    let end = at + 1;
    while (end < text.length && end - at <= longestSide && !noAddress.test(text.charAt(end))) end += 1;
    const domain = hostLike.exec(text.slice(at + 1, Math.min(end, at + 1 + longestSide)))?.[0] ?? '';
    const isWhole = at - start <= longestSide && end - at <= longestSide;
    // The end of a sentence is no part of it.
    while (text.charAt(end - 1) === '.') end -= 1;
    if (isWhole && start < at && end > at + 1) yield text.slice(start, end);
    if (domain === '') continue;
    const tail = text.slice(at, at + 1 + domain.length);
    const side = text.slice(start, at);
    if (isWhole && side !== '') {
      yield side + tail;
      if (leading.test(side)) yield side.replace(leading, '') + tail;
    }
    let marks = 0;
    for (let cut = side.length - 1; cut >= 0 && marks < mostMarks && side.length - cut <= longestLocal; cut--) {
      if (usual.test(side.charAt(cut))) continue;
      marks += 1;
      const local = side.slice(cut + 1).replace(leading, '');
      if (local !== '') yield local + tail;
    }
  }
}

/** Numbers with their country code, also without the groups of digits behind them that may be of the text. */
function* numbersIn(text: string): Generator<string> {
  for (const [found] of text.matchAll(internationalNumber)) {
    const groups = found.replace(/^00/, '+').split(/(?=[ ().\-/])/);
    for (let count = groups.length; count > 0 && count > groups.length - mostGroups; count--) {
      const number = groups.slice(0, count).join('').trim();
      if (number.replace(/\D/g, '').length < leastDigits) break;
      yield number;
    }
  }
}

/** The text as people read it: without what cannot be seen, with plain hyphens and blanks, and an `@` for what stands for one. */
function written(text: string): string {
  return text
    .replace(unseen, '')
    .replace(/%40|&#(?:64|x40);|&commat;/gi, '@')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u00a0\u2007\u202f]/g, ' ');
}
