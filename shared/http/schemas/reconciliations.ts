import * as z from 'zod/mini';
import { reconciliationStates } from '../../domain/reconciliation.ts';
import { instant, instantIn, named, page } from './common.ts';

export const reconciliationIn = named(
  'ReconciliationGiven',
  z.strictObject({
    since: instantIn.check(
      z.describe(
        'What changed in the shop from then on is listed. Before what the platform still lists (of Stripe 29 days) it is refused with since_out_of_reach: import that instead',
      ),
    ),
  }),
);

export const reconciliation = named(
  'Reconciliation',
  z.strictObject({
    id: z.string(),
    sourceId: z.string(),
    state: z.enum(reconciliationStates),
    by: z.enum(['schedule', 'request']),
    since: instant,
    until: instant,
    listed: z.int().check(z.describe('Orders that the shop listed; of Stripe, events')),
    missing: z.int().check(z.describe('Of them not known before')),
    recorded: z.int().check(z.describe('Of the missing ones recorded')),
    changed: z.int().check(z.describe('Known, of which the shop said something new')),
    ignored: z.int(),
    failed: z.int(),
    faults: z
      .array(z.strictObject({ externalId: z.string(), code: z.string(), detail: z.string() }))
      .check(z.describe('The first hundred')),
    failure: z.nullable(z.string()).check(z.describe('Why it failed: a code and what it means')),
    attempts: z.int().check(z.describe('Calls of the shop in a row that failed, up to now; twelve are tried')),
    lastFault: z.nullable(z.string()).check(z.describe('What the last of them failed with')),
    nextTryAt: z.nullable(instant),
    updatedAt: instant,
    finishedAt: z.nullable(instant),
  }),
);

export const reconciliations = page('Reconciliations', reconciliation);
