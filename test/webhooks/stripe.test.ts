import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { secretFault } from '../../shared/http/schemas/sources.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import type { Signed } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { sendAll, sendings } from './sending.ts';
import { addSource, aSource, customersBy, sumOf } from './shop.ts';
import { type Event, messagesOf, outcome, type Sale, sales } from './stripe-histories.ts';

const { stripe } = storefronts;
const secret = 'whsec_test_secret';
const source = aSource({ id: 'stripe', platform: 'stripe', secrets: [secret] });

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  await addSource(door, source);
});
afterAll(() => door.stop());

function sign(content: unknown, key = secret, at = Math.floor(Date.now() / 1000)): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const signature = createHmac('sha256', key).update(`${at}.`).update(body).digest('hex');
  return { body, headers: { 'stripe-signature': `t=${at},v1=${signature}` } };
}

const now = '2026-03-01T09:00:00.000Z';
const seconds = Date.parse(now) / 1000;
const check = { now, fetchKey: () => Promise.reject(new Error('no key is fetched')) };
const verdict = (delivery: Signed, secrets = [secret]) => stripe.verify(delivery, { secrets }, check);

describe('signatures', () => {
  test("what Stripe's own library signs is authentic, and it takes what is signed here", () => {
    const { webhooks } = new Stripe('sk_test_none');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[A-Za-z0-9]{8,40}$/), (text, key) => {
        const payload = JSON.stringify({ object: 'event', text });
        const header = webhooks.generateTestHeaderString({ payload, secret: `whsec_${key}`, timestamp: seconds });
        const theirs = { headers: { 'stripe-signature': header }, body: Buffer.from(payload) };
        expect(verdict(theirs, [`whsec_${key}`])).toEqual({ authentic: true });
        const ours = sign(theirs.body, `whsec_${key}`);
        expect(
          webhooks.constructEvent(ours.body, ours.headers['stripe-signature'] as string, `whsec_${key}`),
        ).toMatchObject({ text });
      }),
    );
  });

  test('any of several, with any active secret; five minutes either way; no changed bit', () => {
    const signed = sign({ object: 'event' }, secret, seconds);
    const [time = '', v1 = ''] = (signed.headers['stripe-signature'] as string).split(',');
    const withHeader = (header: string) => verdict({ ...signed, headers: { 'stripe-signature': header } });
    expect(verdict(signed, ['whsec_another', secret])).toEqual({ authentic: true });
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
      expect(verdict(sign({ object: 'event' }, secret, seconds - late))).toHaveProperty(answer);
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
    expect(secretFault('stripe', secret)).toBeUndefined();
  });
});

const body = (name: string) => readShared(`fixtures/webhooks/stripe/${name}.json`);
const translated = (content: unknown) => stripe.translate(content, { headers: {} }, source);
const said = (name: string) => translated(JSON.parse(body(name).toString()));
const usd = (minor: bigint) => ({ minor, currency: 'USD' });
const march26 = (time: string) => `2022-03-26T${time}.000Z`;

describe.skipIf(!hasSharedMaterial)(`real bodies of Stripe, all of its test mode${absent}`, () => {
  test('the signatures over their exact bytes', () => {
    const all: { file: string; platform: string; secret: string; at: number; headers: Record<string, string> }[] =
      JSON.parse(readShared('fixtures/webhooks/_signed.json').toString());
    const ours = all.filter(({ platform }) => platform === 'stripe');
    expect(ours.length).toBeGreaterThan(5);
    for (const { file, secret: key, at, headers } of ours) {
      const delivery = { headers, body: readShared(`fixtures/webhooks/${file}`) };
      const then = { ...check, now: new Date(at * 1000).toISOString() };
      expect(stripe.verify(delivery, { secrets: [key] }, then)).toEqual({ authentic: true });
    }
  });

  const session = (currency: string) => ({
    kind: 'fact',
    fact: {
      kind: 'order',
      externalId: 'pi_00000000000000',
      alsoKnownAs: ['cs_00000000000000'],
      who: { externalId: 'cus_00000000000000', email: 'example@example.com' },
      at: '2012-01-18T02:24:38.000Z',
      order: {
        snapshot: {
          updatedAt: '2012-01-18T02:24:38.000Z',
          rank: 3,
          total: { minor: 25_000n, currency },
          tax: 0n,
          shipping: 0n,
          discount: 0n,
          test: true,
        },
        placedAt: '2012-01-18T02:24:38.000Z',
        paidAt: '2012-01-18T02:24:38.000Z',
        refunds: {},
        consents: {},
      },
    },
  });

  test('a session that was paid, in dollars and in yen', () => {
    expect(said('checkout.session.completed--1')).toEqual(session('USD'));
    expect(said('checkout.session.completed--3')).toEqual(session('JPY'));
  });

  test('a session that began a subscription', () => {
    const at = '2022-07-20T21:41:36.000Z';
    expect(said('checkout.session.completed--2')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'cs_test_a1UejXx8ebIdTzFolicVypUAZpOBVkoQKDbaarXoPlPVtj8p0zujPEEhjT',
        alsoKnownAs: ['sub_1LNkeSKXBGcbgpbZ7jMqOPSi'],
        who: {
          externalId: 'cus_M5wW9RPFk9xNZ5',
          email: 'jane.roe@example.com',
          firstName: 'Jane',
          lastName: 'Roe',
        },
        at,
        order: {
          snapshot: { updatedAt: at, rank: 3, total: usd(1900n), tax: 0n, shipping: 0n, discount: 0n, test: true },
          placedAt: at,
          paidAt: at,
          refunds: {},
          consents: {},
        },
      },
    });
  });

  test('an invoice', () => {
    expect(said('invoice.paid--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'pi_000000000000000000000000',
        alsoKnownAs: ['in_000000000000000000000000', 'ch_000000000000000000000000'],
        who: { externalId: 'cus_00000000000000' },
        at: march26('18:40:15'),
        order: {
          snapshot: {
            updatedAt: march26('18:40:15'),
            rank: 4,
            total: usd(2000n),
            tax: 0n,
            discount: 0n,
            items: [{ title: '(created by Stripe CLI)', quantity: 1, unitPrice: 2000n }],
            test: true,
          },
          placedAt: march26('18:40:13'),
          paidAt: march26('18:40:13'),
          refunds: {},
          consents: {},
        },
      },
    });
  });

  test("a guest's charge, one of an invoice, and one that was paid back", () => {
    const charge = (at: string, total: bigint) => ({
      snapshot: { updatedAt: at, rank: 1, total: usd(total), test: true },
      placedAt: at,
      paidAt: at,
      refunds: {},
      consents: {},
    });
    expect(said('charge.succeeded--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'pi_000000000000000000000000',
        alsoKnownAs: ['ch_000000000000000000000000'],
        who: {},
        at: march26('18:40:32'),
        order: charge(march26('18:40:32'), 2000n),
      },
    });
    expect(said('charge.succeeded--2')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'pi_fakefakefakefakefake0001',
        alsoKnownAs: ['in_fakefakefakefakefake0001', 'ch_fakefakefakefakefake0001'],
        who: { externalId: 'cus_6lsBvm5rJ0zyHc', firstName: 'Asha', lastName: 'Rao' },
        at: '2019-05-16T08:26:17.000Z',
        order: charge('2019-05-16T08:26:17.000Z', 2000n),
      },
    });
    const paidBack = { amount: usd(100n), refundedAt: march26('18:39:09') };
    expect(said('charge.refunded--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'ch_000000000000000000000000',
        who: {},
        at: march26('18:39:09'),
        order: {
          snapshot: { updatedAt: march26('18:39:09'), rank: 1, total: usd(100n), test: true },
          placedAt: march26('18:39:07'),
          paidAt: march26('18:39:07'),
          refunds: { re_000000000000000000000000: paidBack },
          refundedInAll: paidBack,
          consents: {},
        },
      },
    });
  });

  test('a refund', () => {
    const object: unknown = JSON.parse(body('_object.refund--1').toString());
    const refund = { id: 're_1Pgc72B7WZ01zgkWqPvrRrPE', at: '2009-02-13T23:31:30.000Z' };
    expect(
      translated({ object: 'event', type: 'refund.created', created: 1, livemode: false, data: { object } }),
    ).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: 'ch_1PgafuB7WZ01zgkWXYmPNZs8',
        who: {},
        at: refund.at,
        order: { refunds: { [refund.id]: { amount: usd(100n), refundedAt: refund.at } }, consents: {} },
      },
    });
  });

  test('customers of whom only the id is known; what is not used', () => {
    for (const [name, at] of [
      ['customer.created--1', march26('18:41:47')],
      ['customer.updated--1', march26('18:41:50')],
    ] as const)
      expect(said(name)).toEqual({
        kind: 'fact',
        fact: { kind: 'customer', at, test: true, person: { externalId: 'cus_00000000000000' }, consents: [] },
      });
    expect(said('payment_intent.succeeded--1')).toHaveProperty('kind', 'ignored');
    expect(said('_thin-v2--1')).toHaveProperty('kind', 'ignored');
  });

  test('through the door: test mode is kept and never counts', async () => {
    for (const name of ['charge.succeeded--1', 'invoice.paid--1', 'checkout.session.completed--1']) {
      expect(await door.deliver('stripe', sign(body(name)))).toMatchObject({
        status: 202,
        body: { status: 'recorded' },
      });
    }
    expect(await door.deliver('stripe', sign(body('_thin-v2--1')))).toMatchObject({ body: { status: 'ignored' } });
    for (const { purchaseCount, totalSpent, waiting } of await door.customers()) {
      expect({ purchaseCount, totalSpent }).toEqual({ purchaseCount: 0, totalSpent: 0 });
      expect(waiting ?? {}).toEqual({});
    }
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
      expect(await door.deliver('stripe', sign(message))).toMatchObject({ body: { status: 'recorded' } });
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
        expect(await door.deliver('stripe', sign(message))).toMatchObject({ body: { status: 'recorded' } });
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
        expect(await door.deliver('stripe', sign(message))).toMatchObject({ body: { status } });
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
    for (const message of both) await door.deliver('stripe', sign(message));
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
        events.map((one) => sign(one)),
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
