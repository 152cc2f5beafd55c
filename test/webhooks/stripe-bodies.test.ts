import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { type Door, openDoor } from './door.ts';
import { addSource } from './shop.ts';
import { signStripe, source, translated, verdict } from './signed-stripe.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
  await addSource(door, source);
});
afterAll(() => door.stop());

const body = (name: string) => readShared(`fixtures/webhooks/stripe/${name}.json`);
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
      expect(verdict(delivery, [key], new Date(at * 1000).toISOString())).toEqual({ authentic: true });
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
      expect(await door.deliver('stripe', signStripe(body(name)))).toMatchObject({
        status: 202,
        body: { status: 'recorded' },
      });
    }
    expect(await door.deliver('stripe', signStripe(body('_thin-v2--1')))).toMatchObject({
      body: { status: 'ignored' },
    });
    for (const { purchaseCount, totalSpent, waiting } of await door.customers()) {
      expect({ purchaseCount, totalSpent }).toEqual({ purchaseCount: 0, totalSpent: 0 });
      expect(waiting ?? {}).toEqual({});
    }
  });
});
