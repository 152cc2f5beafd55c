/** Where storefronts' bodies hold ids of customers and of orders: everywhere else a number is a number. */

/** A text or number of a body. */
export interface Stated {
  text: string;
  /** Whether the body has it as a text. */
  isText: boolean;
  /** The name of the field that it stands in; of an element of a list, that of the list. */
  field: string;
  /** The id of a customer that it is. */
  customerId?: string;
  /** The id of an order that it is. */
  orderId?: string;
}

const kinds = ['customer', 'order'] as const;
type Kind = (typeof kinds)[number];
type Things = ReadonlySet<Kind>;

/** No name of a field or a type is looked at beyond this: it is a stranger's, and asked for at each value in it. */
const longestName = 200;

/** Names of fields are compared without case and punctuation: `customer_id` is `customerId`. */
const plain = (name: string) =>
  name
    .slice(0, longestName)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');

/**
 * A thing itself, or its id: `customer`, `buyer_id`, `_customer_user` of WooCommerce. A user or a client may be one of the
 * shop's staff or an app, and `customers: 5` is how many there are.
 */
const named: Record<Kind, RegExp> = {
  customer: /^(?:customer|buyer|payer)s?$/,
  order: /^orders?$/,
};
const idOf: Record<Kind, RegExp> = {
  customer: /^(?:(?:customer|buyer|payer)(?:ids?)?|customeruser)$/,
  order: /^orderids?$/,
};
/** The id of whatever it stands in; of a merger, of either. */
const ownId = /^(?:id|uid|uuid|gid|entityid|primarykey|keptid|mergedid)$/;
/** Says what the thing is that it stands in. */
const typeField = /^(?:type|typeid|object|entity|typename|resourcetype)$/;
/** `gid://shopify/Customer/1`, `https://…/wp-json/wc/v3/customers/1` */
const linkTo: Record<Kind, RegExp> = {
  customer: /\/customers?\/([\w-]+)$/i,
  order: /\/orders?\/([\w-]+)$/i,
};

/** `customers/update`, `order.created`, `CustomerUpdated`, `observer.customer_save_commit_after`, `store/order/created` */
const verbs = 'creat|updat|delet|sav|merg|redact|enabl|disabl|paid|plac|cancel|complet|edit|fulfil|partial|restor';
const about: Record<Kind, RegExp> = {
  customer: new RegExp(`(?:^|[./_])customers?[./_]?(?:${verbs})`, 'i'),
  order: new RegExp(`(?:^|[./_])orders?[./_]?(?:${verbs})`, 'i'),
};
const topicField = /^(?:type|event|eventtype|name|topic|scope)$/;
const wrapper = /^(?:data|object|value|event|payload|resource)$/;

/** What a message is about as a whole, by its topic: its own `id` is the id of such a thing then. */
export function kindsOfMessage(body: unknown, headers: Readonly<Record<string, string>>): Things {
  const outer = fieldsOf(body);
  const inner = outer.filter(([name]) => wrapper.test(plain(name))).flatMap(([, value]) => fieldsOf(value));
  const topics = [...outer, ...inner].filter(([name]) => topicField.test(plain(name))).map(([, value]) => value);
  return kindsWhere((kind) => [...topics, ...Object.values(headers)].some((topic) => matches(about[kind], topic)));
}

/**
 * Shows all texts and numbers of a body, one after the other. What it costs grows with the body's length alone.
 * @param message what it is about as a whole
 */
export function lookThrough(body: unknown, message: Things, look: (stated: Stated) => void): void {
  walk(body, placeOf('', none, message), look);
}

const none: Things = new Set();

interface Place {
  field: string;
  /** What an id is the id of that stands here. */
  ids: Things;
  /** What the value is by the message's topic: nothing but for what the message is about. */
  subject: Things;
}

/** @param holder what the object is in which the value stands */
function placeOf(name: string, holder: Things, subject: Things): Place {
  const field = name.slice(0, longestName);
  const plainName = plain(field);
  const isOwn = ownId.test(plainName);
  return { field, subject, ids: kindsWhere((kind) => idOf[kind].test(plainName) || (isOwn && holder.has(kind))) };
}

function walk(value: unknown, place: Place, look: (stated: Stated) => void): void {
  if (isPlainValue(value)) look(stated(value, place));
  else if (Array.isArray(value)) for (const element of value) walk(element, place, look);
  else if (value !== null && typeof value === 'object') inside(value, place, look);
}

function isPlainValue(value: unknown): value is string | number | bigint {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint';
}

function inside(object: object, { field, subject }: Place, look: (stated: Stated) => void): void {
  const fields = fieldsOf(object);
  const types = fields.filter(([name]) => typeField.test(plain(name))).map(([, value]) => value);
  const holder = kindsWhere(
    (kind) =>
      subject.has(kind) ||
      named[kind].test(plain(field)) ||
      types.some((type) => typeof type === 'string' && named[kind].test(plain(type))),
  );
  for (const [name, value] of fields) {
    walk(value, placeOf(name, holder, wrapper.test(plain(name)) ? subject : none), look);
    if (/[^\w-]/.test(name)) look({ text: name, isText: true, field: '' });
  }
  const { key, value } = object as Record<string, unknown>;
  // `{ "key": "_customer_user", "value": "5" }`. What has values of its own was gone through already: pairs within pairs
  // would double the work at each level.
  if (typeof key === 'string' && isPlainValue(value)) look(stated(value, placeOf(key, none, none)));
}

function stated(value: string | number | bigint, { field, ids }: Place): Stated {
  const text = String(value);
  const isText = typeof value === 'string';
  const idAs = (kind: Kind) =>
    (isText ? linkTo[kind].exec(text)?.[1] : undefined) ?? (ids.has(kind) ? text : undefined);
  const [customerId, orderId] = [idAs('customer'), idAs('order')];
  return {
    text,
    isText,
    field,
    ...(customerId !== undefined && { customerId }),
    ...(orderId !== undefined && { orderId }),
  };
}

function fieldsOf(value: unknown): [string, unknown][] {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [];
}

function kindsWhere(isKind: (kind: Kind) => boolean): Things {
  return new Set(kinds.filter(isKind));
}

function matches(pattern: RegExp, text: unknown): boolean {
  return typeof text === 'string' && pattern.test(text);
}
