import * as z from 'zod/mini';
import { consentChannels, consentPurposes } from '../../domain/consent.ts';
import { conversationTypes } from '../../domain/interaction.ts';
import { itemsPerOrder } from '../../domain/order.ts';
import { freeText, instantIn, keyText, line, moneyIn, named } from './common.ts';
import { emailIn, phoneIn } from './customers.ts';
import { problem } from './problem.ts';

const person = named(
  'Person',
  z
    .strictObject({
      externalId: z.optional(keyText.check(z.describe('The id of the customer in the source'))),
      email: z.optional(emailIn()),
      phone: z.optional(phoneIn()),
      firstName: z.optional(line(200)),
      lastName: z.optional(line(200)),
      locale: z.optional(z.string().check(z.regex(/^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$/, 'must be a locale'))),
    })
    .check(
      z.refine(
        ({ externalId, email, phone }) => (externalId ?? email ?? phone) !== undefined,
        'must have an externalId, an email or a phone',
      ),
    ),
);

const whose = {
  customerId: z.optional(keyText),
  customer: z.optional(person),
};

const common = {
  sourceId: z.optional(
    keyText.check(z.describe('A source that the key may use; where absent, the own source of the partner')),
  ),
  externalId: keyText.check(
    z.describe(
      'Your own id: what is sent again under it is a duplicate. Something else under it corrects an order (by updatedAt) ' +
        'or raises a refund, which are states; of a consent, call, visit, message or review it is refused: ' +
        'interaction_conflict',
    ),
  ),
  occurredAt: instantIn,
};

const order = named(
  'OrderGiven',
  z.strictObject({
    ...common,
    ...whose,
    type: z.literal('order'),
    total: moneyIn.check(z.describe('What the customer pays in all, tax and shipping included')),
    updatedAt: z.optional(instantIn.check(z.describe('To correct an order, send it again with a later time here'))),
    paidAt: z.optional(instantIn),
    cancelledAt: z.optional(instantIn),
    test: z.optional(z.boolean()),
    tax: z.optional(moneyIn),
    shipping: z.optional(moneyIn),
    discount: z.optional(moneyIn.check(z.describe('What was taken off the prices: the total is without it'))),
    items: z.optional(
      z
        .array(
          z.strictObject({
            title: line(120),
            quantity: z.number().check(z.gt(0), z.lte(1e9)),
            unitPrice: moneyIn,
            sku: z.optional(line(64)),
            category: z.optional(line(64)),
            cost: z.optional(moneyIn.check(z.describe('What all pieces cost the merchant'))),
          }),
        )
        .check(z.maxLength(itemsPerOrder)),
    ),
  }),
);

const refund = named(
  'RefundGiven',
  z.strictObject({ ...common, type: z.literal('refund'), orderExternalId: keyText, amount: moneyIn }),
);

const conversation = named(
  'ConversationGiven',
  z.strictObject({
    ...common,
    ...whose,
    type: z.enum(conversationTypes),
    direction: z.optional(z.enum(['in', 'out'])),
    channel: z.optional(line(40)),
    rating: z.optional(z.int().check(z.gte(1), z.lte(5))),
    text: z.optional(freeText(10_000)),
  }),
);

const consent = named(
  'ConsentGiven',
  z.strictObject({
    ...common,
    ...whose,
    type: z.literal('consent'),
    channel: z.enum(consentChannels),
    purpose: z.optional(z.enum(consentPurposes).check(z.describe('marketing where absent'))),
    state: z
      .enum(['granted', 'refused'])
      .check(z.describe('What the customer said at occurredAt: of all that was ever said, the latest counts')),
  }),
);

/** One interaction; whether it names its customer once is left to {@link whoFault}. */
export const interactionIn = named(
  'InteractionGiven',
  z.discriminatedUnion('type', [order, refund, conversation, consent]),
);
export type InteractionGiven = z.infer<typeof interactionIn>;

/** What is wrong with the way in which an interaction names its customer. */
export function whoFault(given: InteractionGiven): string | undefined {
  if (given.type === 'refund') return undefined;
  const names = Number(given.customer !== undefined) + Number(given.customerId !== undefined);
  return names === 1 ? undefined : 'must be given, either customer or customerId';
}

/** Amounts of an order that are not in the currency of its total. */
export function currencyFaults(given: InteractionGiven): { pointer: string; detail: string }[] {
  if (given.type !== 'order') return [];
  const { total, tax, shipping, discount, items = [] } = given;
  const amounts = { '/tax': tax, '/shipping': shipping, '/discount': discount };
  const prices = items.flatMap(
    ({ unitPrice, cost }, index) =>
      [
        [`/items/${index}/unitPrice`, unitPrice],
        [`/items/${index}/cost`, cost],
      ] as const,
  );
  return [...Object.entries(amounts), ...prices]
    .filter(([, amount]) => amount && amount.currency !== total.currency)
    .map(([pointer]) => ({ pointer: `${pointer}/currency`, detail: 'must be the currency of the total' }));
}

/** A batch; each item is validated on its own, so that one bad item does not hold back the others. */
export const batchIn = z.strictObject({
  interactions: z.array(z.unknown()).check(z.minLength(1), z.maxLength(100)),
});

/** For the document: what the items of a batch are. */
export const interactionsIn = named(
  'InteractionOrBatchGiven',
  z.union([
    interactionIn,
    z.strictObject({ interactions: z.array(interactionIn).check(z.minLength(1), z.maxLength(100)) }),
  ]),
);

export const recorded = named(
  'Recorded',
  z.strictObject({
    status: z.enum(['recorded', 'duplicate']),
    id: z.string(),
    customerId: z
      .nullable(z.string())
      .check(z.describe('null while nobody is known for it: a refund before its order')),
  }),
);

export const recordedBatch = named(
  'RecordedBatch',
  z.strictObject({
    data: z.array(
      z.union([
        z.strictObject({
          httpStatus: z.int(),
          status: z.enum(['recorded', 'duplicate']),
          id: z.string(),
          customerId: z.nullable(z.string()),
        }),
        z.strictObject({ httpStatus: z.int(), status: z.literal('refused'), problem }),
      ]),
    ),
  }),
);
