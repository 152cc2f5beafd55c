/** A namespaced key of a person. The namespace is `email`, `phone`, or the id of a source (its own customer ids). */
export interface Identity {
  namespace: string;
  value: string;
}

/** What a source says of the person behind an order or a customer record. */
export interface Person {
  /** The source's own id of the customer; absent for a guest. */
  externalId?: string;
  email?: string;
  /** The address given with an order, where it is another than the customer's own. */
  orderEmail?: string;
  phone?: string;
  firstName?: string;
  lastName?: string;
  locale?: string;
}

const control = /[\p{Cc}\p{Zl}\p{Zp}]/u;
/** One `@`, nothing that quotes, lists or hides, and a domain of two names at least, none of them empty. */
const address = /^[^\s@<>()[\]\\,;:"\p{Cf}]+@[^\s@<>()[\]\\,;:"\p{Cf}.]+(\.[^\s@<>()[\]\\,;:"\p{Cf}.]+)+$/u;

/** Longer text is no address and no number, however it is written; Unicode's composing of it takes more than linear time. */
const longestWritten = 1_024;

/** Text that may form a key: 1 to 255 characters, no control characters, no `#`, no name that every object has. */
export function isKeyText(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 255 &&
    !text.includes('#') &&
    text !== '__proto__' &&
    text !== 'constructor' &&
    !control.test(text) &&
    text.isWellFormed()
  );
}

/** Case and Unicode form only: dots and tags belong to the address. Nothing where the text is no address. */
export function normaliseEmail(text: string): string | undefined {
  if (text.length > longestWritten) return undefined;
  const email = text.trim().normalize('NFC').toLowerCase();
  return email.length <= 254 && isKeyText(email) && address.test(email) ? email : undefined;
}

/** E.164 with its `+`; spaces, dots, brackets and dashes are dropped. Nothing for a number without country code. */
export function normalisePhone(text: string): string | undefined {
  if (text.length > longestWritten) return undefined;
  const digits = text
    .replace(/(?<=\d\s*)\(0\)/, '')
    .replace(/[\s().\-/]/g, '')
    .replace(/^00/, '+');
  return /^\+[1-9]\d{6,14}$/.test(digits) ? digits : undefined;
}

/** The identities of a person in the order in which they are trusted: source id, then e-mail, then phone. */
export function identitiesOf(person: Person, sourceId: string): Identity[] {
  return [
    ...(person.externalId === undefined ? [] : [{ namespace: sourceId, value: person.externalId }]),
    ...(person.email === undefined ? [] : [{ namespace: 'email', value: person.email }]),
    ...(person.orderEmail === undefined || person.orderEmail === person.email
      ? []
      : [{ namespace: 'email', value: person.orderEmail }]),
    ...(person.phone === undefined ? [] : [{ namespace: 'phone', value: person.phone }]),
  ];
}

/** More customers than this with ids of their own who come with one address or number: it identifies nobody. */
export const customersPerAddress = 5;

const nobodysMailbox =
  /^(?:no[._-]?reply|do[._-]?not[._-]?reply|guest|walk[._-]?in(?:[._-]?customers?)?|pos)(?:\+.*)?@/;

/** Senders that nobody reads, and what tills put in for people who gave no address. */
function isPlaceholder(address: string, nobody: readonly string[]): boolean {
  return nobodysMailbox.test(address) || nobody.includes(address);
}

/**
 * The person without the addresses and numbers that identify nobody.
 * @param nobody those of the source: the shop's own, and what its staff put in for walk-in customers
 */
export function withoutPlaceholders(person: Person, nobody: readonly string[] = []): Person {
  const { email, orderEmail, phone, ...rest } = person;
  const [first, second] = [email, orderEmail].filter((one) => one !== undefined && !isPlaceholder(one, nobody));
  return {
    ...rest,
    ...(first !== undefined && { email: first }),
    ...(first !== undefined && second !== undefined && { orderEmail: second }),
    ...(phone !== undefined && !isPlaceholder(phone, nobody) && { phone }),
  };
}

/** The person without these identities. */
export function withoutIdentities(person: Person, identities: readonly Identity[]): Person {
  return identities.length === 0
    ? person
    : withoutPlaceholders(
        person,
        identities.map(({ value }) => value),
      );
}
