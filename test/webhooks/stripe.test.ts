import fc from 'fast-check';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { secretFault } from '../../shared/http/schemas/sources.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Door, openDoor } from './door.ts';
import { sendAll, sendings } from './sending.ts';
import { addSource, customersBy, sumOf } from './shop.ts';
import { now, signStripe, source, stripeSecret, translated, verdict } from './signed-stripe.ts';
import { type Event, messagesOf, outcome, type Sale, sales } from './stripe-histories.ts';

const { stripe } = storefronts;

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  await addSource(door, source);
});
afterAll(() => door.stop());

const seconds = Date.parse(now) / 1000;

describe('signatures', () => {
  test("what Stripe's own library signs is authentic, and it takes what is signed here", () => {
    const { webhooks } = new Stripe('sk_test_none');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[A-Za-z0-9]{8,40}$/), (text, key) => {
        const payload = JSON.stringify({ object: 'event', text });
        const header = webhooks.generateTestHeaderString({ payload, secret: `whsec_${key}`, timestamp: seconds });
        const theirs = { headers: { 'stripe-signature': header }, body: Buffer.from(payload) };
        expect(verdict(theirs, [`whsec_${key}`])).toEqual({ authentic: true });
        const ours = signStripe(theirs.body, `whsec_${key}`);
        expect(
          webhooks.constructEvent(ours.body, ours.headers['stripe-signature'] as string, `whsec_${key}`),
        ).toMatchObject({ text });
      }),
    );
  });

  test('any of several, with any active secret; five minutes either way; no changed bit', () => {
    const signed = signStripe({ object: 'event' }, stripeSecret, seconds);
    const [time = '', v1 = ''] = (signed.headers['stripe-signature'] as string).split(',');
    const withHeader = (header: string) => verdict({ ...signed, headers: { 'stripe-signature': header } });
    expect(verdict(signed, ['whsec_another', stripeSecret])).toEqual({ authentic: true });
    expect(verdict(signed, ['whsec_another'])).toHaveProperty('refused');
    expect(withHeader(`${time},v0=${'0'.repeat(64)},v1=${'1'.repeat(64)},${v1}`)).toEqual({ authentic: true });
    for (const header of [`${v1}`, `${time}`, `t=,${v1}`, `${time},t=1,${v1}`, `${time},v0=${v1.slice(3)}`, '', ',,=,'])
      expect(withHeader(header)).toHaveProperty('refused');
    for (const [late, answer] of [
      [300, 'authentic'],
      [301, 'refused'],
      [-300, 'authentic'],
      [-301, 'refused'],
    ] as const)
      expect(verdict(signStripe({ object: 'event' }, stripeSecret, seconds - late))).toHaveProperty(answer);
    fc.assert(
      fc.property(fc.nat(signed.body.length * 8 - 1), (bit) => {
        const body = Buffer.from(signed.body);
        body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verdict({ ...signed, body })).toHaveProperty('refused');
      }),
    );
  });

  test("a key of the API is no webhook's secret", () => {
    expect(secretFault('stripe', 'sk_live_1234567890')).toMatch('whsec_');
    expect(secretFault('stripe', stripeSecret)).toBeUndefined();
  });
});

const event = (type: string, object: Record<string, unknown>): Event => ({
  object: 'event',
  type,
  created: 1_772_355_600,
  livemode: true,
  data: { object },
});
const charge = (given: Record<string, unknown>) =>
  event('charge.succeeded', { id: 'ch_1', created: 1_772_355_600, amount: 500, currency: 'eur', ...given });

describe('what the reference says and no body shows', () => {
  test('the smallest units are not everywhere those of ISO 4217', () => {
    for (const [currency, amount, minor] of [
      ['jpy', 500, 500n],
      ['kwd', 1250, 1250n],
      ['isk', 500, 5n],
      ['ugx', 500, 5n],
      ['mga', 500, 50_000n],
      ['eur', 5, 5n],
    ] as const)
      expect(translated(charge({ currency, amount }))).toMatchObject({
        fact: { order: { snapshot: { total: { minor } } } },
      });
    for (const fault of [{ currency: 'isk', amount: 501 }, { currency: 'xyz' }, { amount: 1.5 }, { amount: -1 }])
      expect(() => translated(charge(fault))).toThrow('/data/object');
  });

  test('what was only authorised, or failed, is no purchase; nor is a trial, a credit or a setup', () => {
    expect(translated(charge({ captured: false }))).toMatchObject({
      fact: { order: { snapshot: { awaitsPayment: true } } },
    });
    const session = { id: 'cs_1', currency: 'eur', amount_total: 0 };
    for (const nothing of [
      charge({ status: 'failed' }),
      event('invoice.paid', { id: 'in_1', created: 1, currency: 'eur', total: 0 }),
      event('invoice.paid', { id: 'in_1', created: 1, currency: 'eur', total: -100 }),
      event('checkout.session.completed', { ...session, mode: 'subscription' }),
      event('checkout.session.completed', { ...session, mode: 'setup', amount_total: null }),
      event('refund.created', { id: 're_1', amount: 1, currency: 'eur', created: 1 }),
    ])
      expect(translated(nothing)).toHaveProperty('kind', 'ignored');
  });

  test('a dispute takes its amount off under its own id until it is won; an inquiry takes nothing', () => {
    const dispute = (type: string, status: string, given = {}) =>
      translated(
        event(`charge.dispute.${type}`, {
          id: 'du_1',
          amount: 500,
          currency: 'eur',
          created: seconds,
          charge: 'ch_1',
          payment_intent: 'pi_1',
          status,
          ...given,
        }),
      );
    const taken = { amount: { minor: 500n, currency: 'EUR' }, refundedAt: now, disputed: true };
    for (const [type, status, refund] of [
      ['funds_withdrawn', 'needs_response', taken],
      ['closed', 'lost', taken],
      ['funds_reinstated', 'lost', taken],
      ['funds_reinstated', 'won', { ...taken, failed: true }],
      ['closed', 'won', { ...taken, failed: true }],
    ] as const)
      expect(dispute(type, status)).toEqual({
        kind: 'fact',
        fact: {
          kind: 'order',
          externalId: 'pi_1',
          alsoKnownAs: ['ch_1'],
          who: {},
          at: now,
          order: { refunds: { du_1: refund }, consents: {} },
        },
      });
    expect(dispute('closed', 'warning_closed')).toHaveProperty('kind', 'ignored');
    expect(dispute('closed', 'lost', { charge: null, payment_intent: null })).toHaveProperty('kind', 'ignored');
    expect(dispute('created', 'needs_response')).toHaveProperty('kind', 'ignored');
  });

  test('what was refunded and then disputed as a whole is taken back once, in the ledger as in the facts', async () => {
    const email = 'disputed@example.com';
    const paid = { id: 'ch_d', payment_intent: 'pi_d', amount: 5000, billing_details: { email } };
    const dispute = { id: 'du_d', amount: 5000, currency: 'eur', created: seconds, charge: 'ch_d', status: 'lost' };
    for (const message of [
      charge({ ...paid, amount_refunded: 2000 }),
      event('charge.dispute.closed', { ...dispute, payment_intent: 'pi_d' }),
    ])
      expect(await door.deliver('stripe', signStripe(message))).toMatchObject({ body: { status: 'recorded' } });
    const [customer] = await customersBy(door, email);
    expect(customer).toMatchObject({ purchaseCount: 0, totalSpent: 0, totalRefunded: 5000 });
    const lines = await door.lines(customer?.customerId ?? '');
    const back = lines.flatMap(({ type, externalId, amount }) =>
      type === 'refund' ? [[externalId, (amount as { minor: number }).minor]] : [],
    );
    expect(Object.fromEntries(back)).toEqual({ 'in all': 2000, du_d: 3000 });
  });

  test.each([
    ['a subscription', 'subscription', { subscription: 'sub_' }],
    ['a session that makes an invoice', 'payment', {}],
  ])('what was sold is kept of %s, whichever is heard first', async (_, mode, given: { subscription?: string }) => {
    for (const [way, email] of [
      ['first', `${mode}-first@example.com`],
      ['last', `${mode}-last@example.com`],
    ] as const) {
      const id = `${mode}_${way}`;
      const subscription = given.subscription && { subscription: given.subscription + id };
      const session = event('checkout.session.completed', {
        id: `cs_${id}`,
        mode,
        payment_status: 'paid',
        invoice: `in_${id}`,
        currency: 'eur',
        amount_total: 1000,
        customer_details: { email },
        ...subscription,
      });
      const invoice = event('invoice.paid', {
        id: `in_${id}`,
        created: seconds,
        currency: 'eur',
        total: 1000,
        customer_email: email,
        ...(subscription && { billing_reason: 'subscription_create', ...subscription }),
        lines: { data: [{ description: 'Tea of the month', quantity: 2, amount: 1000 }] },
      });
      for (const message of way === 'first' ? [session, invoice] : [invoice, session])
        expect(await door.deliver('stripe', signStripe(message))).toMatchObject({ body: { status: 'recorded' } });
      const [customer] = await customersBy(door, email);
      expect(customer).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });
      const [line] = await door.lines(customer?.customerId ?? '');
      const items = [{ title: 'Tea of the month', quantity: 2, unitPrice: 500 }];
      expect(line).toMatchObject({ type: 'order', order: { snapshot: { items } } });
    }
  });

  test('a session that once counted before its invoice gives way when both are heard again', async () => {
    const email = 'once-ranked@example.com';
    const invoice = event('invoice.paid', {
      id: 'in_ranked',
      created: seconds,
      currency: 'eur',
      total: 1000,
      customer_email: email,
      lines: { data: [{ description: 'Tea', quantity: 2, amount: 1000 }] },
    });
    const session = event('checkout.session.completed', {
      id: 'cs_ranked',
      mode: 'payment',
      payment_status: 'paid',
      invoice: 'in_ranked',
      currency: 'eur',
      amount_total: 1000,
      customer_details: { email },
    });
    const both = [invoice, { ...session, created: session.created + 60 }];
    const sendBoth = async (status: string) => {
      for (const message of both)
        expect(await door.deliver('stripe', signStripe(message))).toMatchObject({ body: { status } });
    };
    const { reading = 0 } = stripe;
    const translate = stripe.translate.bind(stripe);
    stripe.reading = reading - 1;
    vi.spyOn(stripe, 'translate').mockImplementation((...given) => {
      const said = translate(...given);
      const snapshot = said.kind === 'fact' && said.fact.kind === 'order' ? said.fact.order.snapshot : undefined;
      if (snapshot) snapshot.rank = snapshot.items ? 2 : 3;
      return said;
    });
    await sendBoth('recorded');
    vi.restoreAllMocks();
    stripe.reading = reading;

    const kept = async () => {
      const [customer] = await customersBy(door, email);
      const [line] = await door.lines(customer?.customerId ?? '');
      return line;
    };
    expect(await kept()).not.toHaveProperty('order.snapshot.items');
    for (const message of both) await door.deliver('stripe', signStripe(message));
    const items = [{ title: 'Tea', quantity: 2, unitPrice: 500 }];
    expect(await kept()).toMatchObject({ type: 'order', order: { snapshot: { items } } });
    await sendBoth('duplicate');
  });

  test('an answer to the question for news is a consent or its refusal; no question, no answer', () => {
    const withConsent = (consent: unknown) =>
      translated(
        event('checkout.session.completed', { id: 'cs_1', currency: 'eur', amount_total: 5, mode: 'payment', consent }),
      );
    const answer = (state: string) => ({ fact: { order: { consents: { 'email:marketing': { state } } } } });
    expect(withConsent({ promotions: 'opt_in' })).toMatchObject(answer('granted'));
    expect(withConsent({ promotions: 'opt_out' })).toMatchObject(answer('refused'));
    for (const none of [null, { promotions: null }])
      expect(withConsent(none)).toMatchObject({ fact: { order: { consents: {} } } });
  });

  test('what the customer saw in another currency is the presentment', () => {
    const presentment_details = { presentment_amount: 900, presentment_currency: 'jpy' };
    expect(translated(charge({ presentment_details }))).toMatchObject({
      fact: { order: { snapshot: { presentment: { minor: 900n, currency: 'JPY' } } } },
    });
  });
});

let round = 0;

test('random sales, each told in all its forms, in any order and some of it twice, count once to the cent', async () => {
  await fc.assert(
    fc.asyncProperty(sales, sendings, async (history, way) => {
      const run = `r${++round}`;
      const events = history.flatMap((sale, index) => messagesOf(sale, `${run}x${index}`, run));
      await sendAll(
        door,
        'stripe',
        events.map((one) => signStripe(one)),
        way,
      );
      for (const person of [0, 1]) {
        const theirs = history.filter((sale) => sale.person === person);
        const known = await customersBy(door, `${run}-${person}@example.com`);
        expect(known.length).toBe(theirs.length > 0 ? 1 : 0);
        if (known[0]) expect(known[0]).toMatchObject(sumOf(theirs.map((sale: Sale) => outcome(sale))));
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 10) },
  );
}, 60_000);
