import * as z from 'zod/mini';
import { deliveryStatuses } from '../../domain/delivery.ts';
import { instant, instantIn, keyText, named, page, paging } from './common.ts';

const status = z.enum(deliveryStatuses);

export const deliveryQuery = z.strictObject({
  sourceId: z.optional(keyText),
  status: z.optional(status),
  from: z.optional(instantIn),
  to: z.optional(instantIn),
  ...paging,
});

const shownFields = {
  id: z.string(),
  sourceId: z.string(),
  status,
  reason: z.optional(z.string().check(z.describe('Why it was ignored; or what was not understood, and where'))),
  receivedAt: instant,
  occurredAt: z.nullable(instant).check(z.describe("The source's own time of what it says")),
  customerId: z.nullable(z.string()),
  interactionId: z.nullable(z.string()),
  privacyRequestId: z.optional(z.string().check(z.describe("Of a message that asks for a person's rights"))),
  withheld: z.optional(
    z.literal(true).check(z.describe('Kept without its body: it speaks of somebody who was erased, or asks for that')),
  ),
  replayedAt: z.nullable(instant),
  bytes: z.int(),
};

export const delivery = named('Delivery', z.strictObject(shownFields));
export const deliveries = page('Deliveries', delivery);

export const deliveryShown = named(
  'DeliveryShown',
  z.strictObject({
    ...shownFields,
    body: z.optional(
      z
        .nullable(
          z.strictObject({
            encoding: z.enum(['utf8', 'base64']).check(z.describe('base64 where the bytes are no UTF-8')),
            content: z.string(),
          }),
        )
        .check(z.describe('With body=true; null where it has more than 2.5 MB, or is withheld')),
    ),
  }),
);

export const oneDelivery = z.strictObject({ body: z.optional(z.enum(['true', 'false'])) });

export const received = named('Received', z.strictObject({ deliveryId: z.string(), status }));

export const replayIn = named(
  'ReplayGiven',
  z.strictObject({
    sourceId: keyText,
    from: instantIn,
    to: instantIn,
    status: z.optional(status),
    cursor: z.optional(
      paging.cursor.def.innerType.check(z.describe('nextCursor of the answer before, with all else as it was')),
    ),
  }),
);

const count = z.optional(z.int());

export const rangeReplayed = named(
  'RangeReplayed',
  z.strictObject({
    replayed: z.int(),
    statuses: z.strictObject({ recorded: count, duplicate: count, ignored: count, quarantined: count }),
    failed: z
      .array(z.strictObject({ deliveryId: z.string(), code: z.string() }))
      .check(z.describe('Could not be played: each is to be tried again by itself')),
    nextCursor: z.nullable(z.string()).check(z.describe('null where the range is done')),
  }),
);
