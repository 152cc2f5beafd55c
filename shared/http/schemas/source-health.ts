import * as z from 'zod/mini';
import { instant, named } from './common.ts';

const count = z.int();
const seconds = z.nullable(z.int());

export const sourceHealth = named(
  'SourceHealth',
  z.strictObject({
    sourceId: z.string(),
    lastDeliveryAt: z.nullable(instant),
    received: z
      .strictObject({ lastHour: count, last24Hours: count, last7Days: count })
      .check(z.describe('Authentic deliveries, those sent again among them; each time begins with a full ten minutes')),
    lastDay: z
      .strictObject({
        since: instant,
        statuses: z
          .strictObject({ recorded: count, duplicate: count, ignored: count, quarantined: count })
          .check(z.describe('What they came to when they came: a replay changes nothing of it')),
        withoutCustomer: count.check(
          z.describe(
            'Of those recorded: orders that name nobody, which count for no customer, and refunds that wait for their ' +
              'order. In GET /v1/deliveries?status=recorded they have no customerId',
          ),
        ),
        lag: z
          .strictObject({ measured: count, medianSeconds: seconds, mostSeconds: seconds })
          .check(
            z.describe(
              "From the source's own time of what it says to its coming: upper ends of the steps of a fixed scale",
            ),
          ),
        failures: z
          .strictObject({ refused: count, unavailable: count })
          .check(z.describe('Calls with a signature that was refused, and calls that were answered with a 5xx')),
      })
      .check(z.describe('The last 24 hours, from a full hour on')),
    quarantined: count.check(z.describe('How many are set aside now')),
    switchedOff: z
      .nullable(z.boolean())
      .check(z.describe('Whether the shop seems to send nothing any more; null: too little to tell')),
    why: z.string(),
  }),
);
