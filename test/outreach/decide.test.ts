import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Consent } from '../../shared/domain/consent.ts';
import { withConsents } from '../../shared/domain/consent.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import { decide } from '../../shared/domain/decision.ts';
import { merged } from '../../shared/domain/merge.ts';
import { noOccasion, type OutreachChannel, type Play, plays, type Trigger } from '../../shared/domain/play.ts';
import { unknownPlaceholders } from '../../shared/domain/template.ts';
import { aConsent, aCustomer, aStanding } from '../fixtures/customer.ts';

const now = '2026-03-01T10:00:00.000Z';
const [thanks, recognise] = plays as [Play, Play];
const nobody: ReadonlySet<OutreachChannel> = new Set();
const without = <Key extends keyof Customer>(customer: Customer, key: Key): Customer => {
  const { [key]: _, ...rest } = customer;
  return rest as Customer;
};

describe('decide', () => {
  test('writes to a customer who agreed, and says on whose word', () => {
    expect(decide(thanks, aCustomer(), nobody, now)).toEqual({
      decidedAt: now,
      channels: [
        {
          channel: 'email',
          possible: true,
          reason: 'consent_granted',
          consent: { state: 'granted', occurredAt: '2026-03-01T09:30:00.000Z', sourceId: 'shop' },
        },
      ],
      chosen: 'email',
    });
  });

  test.each([
    ['consent_absent', aCustomer({ consents: {} }), false],
    ['consent_refused', aCustomer({ consents: { 'email:marketing': aConsent({ state: 'refused' }) } }), false],
    ['consent_absent', aCustomer({ consents: { 'sms:marketing': aConsent({ channel: 'sms' }) } }), false],
    ['customer_left', aCustomer({ left: { shop: '2026-03-01T09:30:00.000Z' } }), false],
    [
      'consent_absent',
      aCustomer({ consents: { 'email:transactional': aConsent({ purpose: 'transactional' }) } }),
      false,
    ],
    ['suppressed', aCustomer(), true],
    ['no_address', aCustomer({ profile: {} }), false],
    ['no_address', aCustomer({ profile: { email: { value: 'a,b@example.com', at: now } } }), false],
    ['below_standard', aCustomer({ standing: aStanding({ limitedTo: ['sms'] }) }), false],
    ['below_standard', aCustomer({ standing: aStanding({ limitedTo: [] }) }), false],
    [
      'consent_refused',
      aCustomer({
        standing: aStanding({ limitedTo: [] }),
        consents: { 'email:marketing': aConsent({ state: 'refused' }) },
      }),
      false,
    ],
    ['history_only', without(aCustomer(), 'lastLiveOrderAt'), false],
    ['test_data', aCustomer({ live: false }), false],
  ] as const)('is silent with the reason %s', (silence, customer, isSuppressed) => {
    const decision = decide(thanks, customer, isSuppressed ? new Set(['email'] as const) : nobody, now);
    expect(decision).toMatchObject({ chosen: null, silence });
  });

  test.each([
    ['another shop still knows the customer', { sourceIds: { shop: '1001', till: '7' } }],
    [
      'of two persons the shop still knows one',
      merged(
        aCustomer({ id: 'cus_gone', left: { shop: now } }),
        { ...aCustomer(), consents: { 'email:marketing': aConsent() } },
        'mrg_1',
      ),
    ],
    ['something was agreed to since', { consents: { 'email:marketing': aConsent({ occurredAt: now }) } }],
    ['nobody ever knew an id', { sourceIds: {} }],
  ] as const)('writes to one whom a shop deleted where %s', (_, overrides) => {
    const left = { shop: '2026-03-01T09:45:00.000Z' };
    const customer = 'parts' in overrides ? { ...overrides, lastLiveOrderAt: now } : aCustomer({ left, ...overrides });
    expect(decide(thanks, customer, nobody, now).chosen).toBe('email');
  });

  const consents = fc.array(
    fc.record({
      channel: fc.constantFrom('email' as const, 'sms' as const),
      purpose: fc.constant('marketing' as const),
      state: fc.constantFrom('granted' as const, 'refused' as const),
      occurredAt: fc.integer({ min: 0, max: 9 }).map((day) => `2026-03-0${day}T00:00:00.000Z`),
      sourceId: fc.constantFrom('a', 'b'),
    }),
    { maxLength: 6 },
  );
  const customers = fc
    .record({
      consents,
      live: fc.boolean(),
      ordered: fc.boolean(),
      email: fc.constantFrom('ada@example.com', 'a b', undefined),
    })
    .map(({ consents, live, ordered, email }) => {
      const customer = aCustomer({
        consents: withConsents({}, consents),
        live,
        profile: email === undefined ? {} : { email: { value: email, at: now } },
      });
      return ordered ? customer : without(customer, 'lastLiveOrderAt');
    });
  const suppressions = fc.subarray(['email'] as OutreachChannel[]).map((list) => new Set(list));

  test('never writes without a granted consent, to a suppressed address or to nobody', () => {
    fc.assert(
      fc.property(fc.constantFrom(...plays), customers, suppressions, (play, customer, suppressed) => {
        const { chosen, silence } = decide(play, customer, suppressed, now);
        expect(chosen === null).toBe(silence !== undefined);
        if (chosen === null) return;
        expect(customer.consents[`${chosen}:marketing`]?.state).toBe('granted');
        expect(suppressed.has(chosen)).toBe(false);
        expect(customer.profile.email?.value).toBe('ada@example.com');
        expect(customer.live && customer.lastLiveOrderAt !== undefined).toBe(true);
      }),
    );
  });

  test('a refusal or a suppression more never opens a channel', () => {
    const refusals = consents.map((list) => list.map((consent): Consent => ({ ...consent, state: 'refused' })));
    fc.assert(
      fc.property(customers, suppressions, suppressions, refusals, (customer, suppressed, more, refused) => {
        const possible = (of: Customer, on: ReadonlySet<OutreachChannel>) =>
          decide(thanks, of, on, now).channels.flatMap(({ channel, possible }) => (possible ? [channel] : []));
        const before = possible(customer, suppressed);
        const after = possible(
          { ...customer, consents: withConsents(customer.consents, refused) },
          new Set([...suppressed, ...more]),
        );
        expect(before).toEqual(expect.arrayContaining(after));
      }),
    );
  });
});

describe('occasions', () => {
  const order = (overrides = {}): Trigger => ({
    kind: 'order',
    interactionId: 'int_1',
    occurredAt: '2026-03-01T09:30:00.000Z',
    backfill: false,
    test: false,
    ...overrides,
  });
  const change = (overrides = {}): Trigger => ({
    kind: 'tier',
    tier: 'platinum',
    previousTier: 'gold',
    runId: 'run_1',
    ...overrides,
  });
  const atTheTop = aCustomer({ standing: aStanding({ tier: 'platinum' }) });

  const firstOf = (at: string): [Trigger, Customer] => [
    order({ occurredAt: at }),
    aCustomer({ facts: { ...aCustomer().facts, firstPurchaseAt: at } }),
  ];

  const longAgo = firstOf('2026-01-15T10:00:00.000Z');

  test.each([
    [undefined, thanks, order(), aCustomer()],
    ['backfill', thanks, order({ backfill: true }), aCustomer()],
    ['test_data', thanks, order({ test: true }), aCustomer()],
    ['not_first_purchase', thanks, order({ occurredAt: '2026-03-01T09:40:00.000Z' }), aCustomer()],
    [undefined, thanks, ...firstOf('2026-02-15T10:00:00.000Z')],
    ['long_ago', thanks, ...firstOf('2026-02-15T09:59:59.999Z')],
    [undefined, thanks, { ...longAgo[0], paidAt: '2026-02-15T10:00:00.000Z' }, longAgo[1]],
    ['long_ago', thanks, { ...longAgo[0], paidAt: '2026-02-15T09:59:59.999Z' }, longAgo[1]],
    ['other_trigger', thanks, change(), aCustomer()],
    [undefined, recognise, change(), atTheTop],
    [undefined, recognise, change({ previousTier: null }), atTheTop],
    ['not_top_tier', recognise, change({ tier: 'gold' }), atTheTop],
    ['same_tier', recognise, change({ previousTier: 'platinum' }), atTheTop],
    ['tier_of_former_policy', recognise, change({ previousTier: 'emerald' }), atTheTop],
    [undefined, recognise, change({ previousTier: 'prospect' }), atTheTop],
    ['tier_left_again', recognise, change(), aCustomer({ standing: aStanding() })],
    ['other_trigger', recognise, order(), atTheTop],
  ] as const)('%s', (expected, play, trigger, customer) => {
    expect(noOccasion(play, trigger, customer, { best: 'platinum', others: ['gold', 'prospect'] }, now)).toBe(expected);
  });

  test('texts name nothing that is not on the list', () => {
    for (const { subject, paragraphs } of plays)
      expect([subject, ...paragraphs].flatMap(unknownPlaceholders)).toEqual([]);
  });
});
