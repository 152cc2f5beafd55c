import * as z from 'zod/mini';
import { instant, named, page, paging } from './common.ts';

export const deliveryQuery = z.strictObject({
  status: z.optional(z.literal('quarantined')),
  ...paging,
});

const status = z.enum(['recorded', 'duplicate', 'ignored', 'quarantined']);

export const delivery = named(
  'Delivery',
  z.strictObject({
    id: z.string(),
    sourceId: z.string(),
    status,
    reason: z.string().check(z.describe('What was not understood, and where')),
    receivedAt: instant,
    bytes: z.int(),
  }),
);

export const deliveries = page('Deliveries', delivery);

export const received = named('Received', z.strictObject({ deliveryId: z.string(), status }));
