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

/** Names of fields are compared without case and punctuation: `customer_id` is `customerId`. */
const plain = (name: string) => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

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
 * All texts and numbers of a body.
 * @param message what it is about as a whole
 */
export function* placed(body: unknown, message: Things): Generator<Stated> {
  yield* walk(body, { field: '', holder: none, subject: message });
}

const none: Things = new Set();

interface Place {
  field: string;
  /** What the object is in which the value stands. */
  holder: Things;
  /** What the value is by the message's topic: nothing but for what the message is about. */
  subject: Things;
}

function* walk(value: unknown, place: Place): Generator<Stated> {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') yield stated(value, place);
  else if (Array.isArray(value)) for (const element of value) yield* walk(element, place);
  else if (value !== null && typeof value === 'object') yield* inside(value, place);
}

function* inside(object: object, { field, subject }: Place): Generator<Stated> {
  const fields = fieldsOf(object);
  const types = fields.filter(([name]) => typeField.test(plain(name))).map(([, value]) => value);
  const holder = kindsWhere(
    (kind) =>
      subject.has(kind) ||
      named[kind].test(plain(field)) ||
      types.some((type) => typeof type === 'string' && named[kind].test(plain(type))),
  );
  for (const [name, value] of fields) {
    yield* walk(value, { field: name, holder, subject: wrapper.test(plain(name)) ? subject : none });
    if (name.includes('@')) yield { text: name, isText: true, field: '' };
  }
  const { key, value } = object as Record<string, unknown>;
  // `{ "key": "_customer_user", "value": "5" }`
  if (typeof key === 'string') yield* walk(value, { field: key, holder: none, subject: none });
}

function stated(value: string | number | bigint, { field, holder }: Place): Stated {
  const text = String(value);
  const name = plain(field);
  const isOf = (kind: Kind) => idOf[kind].test(name) || (ownId.test(name) && holder.has(kind));
  const idAs = (kind: Kind) => linkTo[kind].exec(text)?.[1] ?? (isOf(kind) ? text : undefined);
  const [customerId, orderId] = [idAs('customer'), idAs('order')];
  return {
    text,
    isText: typeof value === 'string',
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
