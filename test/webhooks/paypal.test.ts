import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Problem } from '../../shared/engine/problem.ts';
import { paypalTrusting } from '../../shared/storefronts/paypal.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import {
  certificateByStranger,
  expiredCertificate,
  intermediate,
  paypalCertificate,
  root,
  strangersCertificate,
  untrustedCertificate,
  untrustedRoot,
} from '../fixtures/certificates.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { anyHistory, emailOf, euros, openPlatform, type PlatformDoor, type Sale, timeOf } from './platform-door.ts';
import { chain, signPaypal, webhookId } from './signed-paypal.ts';

let door: PlatformDoor;
let fetched: string[];
let published = chain;

/** The host is pinned: what it would publish is put in the place of the one call that goes there. */
beforeAll(async () => {
  storefronts.paypal = paypalTrusting(() => [root]);
  door = await openPlatform('paypal', { webhookId, countsWhen: 'paid', currency: 'USD' });
  const { shops } = await import('../../functions/webhooks/door.ts');
  vi.spyOn(shops, 'fetchKey').mockImplementation(async (url) => {
    fetched.push(url.href);
    if (published === '') throw new Problem(503, 'keys_unavailable', 'Not now.');
    return published;
  });
});
beforeEach(() => {
  fetched = [];
});
afterEach(() => {
  published = chain;
});
afterAll(() => door.stop());

const ping = { event_type: 'X' };

test('what PayPal signed for this webhook is taken; one changed bit, id, time or webhook is refused', async () => {
  const signed = signPaypal(ping);
  expect(await door.send(signed)).toMatchObject({ status: 202, body: { status: 'ignored' } });
  for (let bit = 0; bit < signed.body.length * 8; bit += 7) {
    const body = Buffer.from(signed.body);
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect((await door.send({ ...signed, body })).status).toBe(401);
  }
  const { headers } = signed;
  for (const changed of [
    { 'paypal-transmission-id': 'd938e770-8046-11e7' },
    { 'paypal-transmission-time': new Date(Date.now() - 1000).toISOString() },
    { 'paypal-transmission-sig': `${headers['paypal-transmission-sig']}=` },
    { 'paypal-transmission-sig': '' },
    { 'paypal-auth-algo': 'SHA1withRSA' },
    { 'paypal-transmission-id': 'a|b' },
  ])
    expect((await door.send({ ...signed, headers: { ...headers, ...changed } })).status).toBe(401);
  expect((await door.send(signPaypal(ping, { webhook: 'ANOTHER' }))).status).toBe(401);
});

test('a message may be a month old, and not of the future', async () => {
  const at = (days: number) => signPaypal(ping, { time: new Date(Date.now() + days * 86_400_000).toISOString() });
  expect((await door.send(at(-30))).status).toBe(202);
  expect((await door.send(at(-32))).status).toBe(401);
  expect((await door.send(at(0.01))).status).toBe(401);
});

test.each([
  'http://api.paypal.com/v1/notifications/certs/CERT-1',
  'https://paypal.com.example.org/CERT-1',
  'https://notpaypal.com/CERT-1',
  'https://api.paypal.com:8443/CERT-1',
  'https://api.paypal.com@example.org/CERT-1',
  'https://example.org/api.paypal.com',
  'https://api.paypal.com/CERT-1?url=https://example.org',
  'CERT-1',
  'https://www.paypal.com/v1/notifications/certs/CERT-1',
  'https://api.paypal.com/CERT-1',
  'https://api.paypal.com/v1/notifications/certs/../webhooks',
  'https://api.paypal.com/v1/notifications/certs/CERT-1/more',
])('a certificate at %s is refused before it is fetched', async (url) => {
  const signed = signPaypal(ping);
  const headers = { ...signed.headers, 'paypal-cert-url': url };
  expect(await door.send({ ...signed, headers })).toMatchObject({ status: 401 });
  expect(fetched).toEqual([]);
});

test.each([
  ['is made out to somebody else', strangersCertificate + intermediate],
  ['is not valid any more', expiredCertificate + intermediate],
  ['was issued by one that may issue none', certificateByStranger + strangersCertificate + intermediate],
  ['leads to a root that nobody trusts', untrustedCertificate + untrustedRoot],
])('a certificate that %s is refused, having been looked for anew', async (_, text) => {
  published = text;
  expect((await door.send(signPaypal(ping))).status).toBe(401);
  expect(fetched.length).toBe(4);
});

test('a certificate that cannot be had or comes without its issuer, or a source without its webhook id: 503, and never 401', async () => {
  for (published of ['not found', paypalCertificate, ''])
    expect(await door.send(signPaypal(ping))).toMatchObject({ status: 503, body: { code: 'keys_unavailable' } });
  await door.configure({ webhookId: '' });
  expect(await door.send(signPaypal(ping))).toMatchObject({ status: 503, body: { code: 'source_incomplete' } });
  await door.configure({});
});

describe.skipIf(!hasSharedMaterial)(`real bodies of PayPal${absent}`, () => {
  const translated = (name: string) =>
    storefronts.paypal.translate(
      JSON.parse(readShared(`fixtures/webhooks/paypal/${name}.json`).toString()),
      { headers: {} },
      door.source,
    );

  test('a capture', async () => {
    expect(translated('PAYMENT.CAPTURE.COMPLETED--1')).toEqual({
      kind: 'fact',
      fact: {
        kind: 'order',
        externalId: '42311647XV020574X',
        who: {},
        at: '2015-02-17T18:50:45.000Z',
        order: {
          snapshot: { updatedAt: '2015-02-17T18:50:45.000Z', total: { minor: 747n, currency: 'USD' }, test: false },
          placedAt: '2015-02-17T18:50:44.000Z',
          paidAt: '2015-02-17T18:50:45.000Z',
          refunds: {},
          consents: {},
        },
      },
    });
    const body = readShared('fixtures/webhooks/paypal/PAYMENT.CAPTURE.COMPLETED--1.json');
    expect((await door.send(signPaypal(body))).body.status).toBe('recorded');
    expect((await door.send(signPaypal(body, { id: 'another' }))).body.status).toBe('duplicate');
  });

  test('a sale by eCheck', () => {
    expect(translated('PAYMENT.SALE.COMPLETED--1')).toMatchObject({
      fact: {
        externalId: '80021663DE681814L',
        order: {
          snapshot: { total: { minor: 48n, currency: 'USD' }, test: false },
          placedAt: '2014-10-23T17:22:56.000Z',
          paidAt: '2014-10-23T17:23:04.000Z',
        },
      },
    });
  });

  test('an invoice is not used: its payment is told of as a sale', () => {
    expect(translated('INVOICING.INVOICE.PAID--1')).toMatchObject({ kind: 'ignored' });
  });
});

const capture = (sale: Pick<Sale, 'n' | 'cents' | 'minute'>, host = 'api.paypal.com') => ({
  id: `CAP${sale.n}`,
  status: 'COMPLETED',
  amount: { value: euros(sale.cents), currency_code: 'EUR' },
  create_time: timeOf(sale.minute),
  update_time: timeOf(sale.minute + 1),
  links: [{ href: `https://${host}/v2/payments/captures/CAP${sale.n}`, rel: 'self', method: 'GET' }],
});

const checkout = (sale: Sale) => ({
  event_type: 'CHECKOUT.ORDER.COMPLETED',
  resource: {
    id: `ORDER${sale.n}`,
    payer: {
      payer_id: `PAYER${sale.person}`,
      email_address: emailOf(sale.person),
      name: { given_name: 'Ada', surname: 'Lovelace' },
    },
    purchase_units: [
      {
        amount: { breakdown: { tax_total: { value: '0.01' }, discount: { value: '2.00' } } },
        items: [{ name: 'Mug', quantity: '2', sku: 'M-1', unit_amount: { value: '1.50' } }],
        payments: { captures: [capture(sale)] },
      },
    ],
  },
});

const refund = (sale: Sale, part: number, reversed = false) => ({
  event_type: `PAYMENT.CAPTURE.${reversed ? 'REVERSED' : 'REFUNDED'}`,
  resource: {
    id: `REF${sale.n}-${part}`,
    status: 'COMPLETED',
    amount: { value: euros(sale.refunds[part] ?? 0), currency_code: 'EUR' },
    seller_payable_breakdown: {
      total_refunded_amount: {
        value: euros(sale.refunds.slice(0, part + 1).reduce((sum, cents) => sum + cents, 0)),
        currency_code: 'EUR',
      },
    },
    create_time: timeOf(sale.minute + 10 + part),
    links: [
      { href: `https://api.paypal.com/v2/payments/refunds/REF${sale.n}-${part}`, rel: 'self' },
      { href: `https://api.paypal.com/v2/payments/captures/CAP${sale.n}`, rel: 'up' },
    ],
  },
});

const sale: Sale = { n: 1, person: 0, guest: false, cents: 1000, minute: 0, paid: true, cancelled: false, refunds: [] };

test('a refund of the older API names its sale and is negative; a reversal may be the capture itself', () => {
  const translate = (event_type: string, resource: unknown) =>
    storefronts.paypal.translate({ event_type, resource }, { headers: {} }, door.source);
  const older = {
    id: '6YX43824R4443062K',
    sale_id: '9T0916710M1105906',
    amount: { total: '-0.01', currency: 'USD' },
    create_time: '2014-10-31T15:41:51Z',
    state: 'completed',
  };
  expect(translate('PAYMENT.SALE.REFUNDED', older)).toMatchObject({
    fact: {
      externalId: '9T0916710M1105906',
      order: { refunds: { '6YX43824R4443062K': { amount: { minor: 1n, currency: 'USD' } } } },
    },
  });
  expect(translate('PAYMENT.CAPTURE.REVERSED', capture(sale))).toMatchObject({
    fact: { externalId: 'CAP1', order: { refunds: { CAP1: { amount: { minor: 1000n, currency: 'EUR' } } } } },
  });
  expect(translate('PAYMENT.SALE.REFUNDED', { ...older, state: 'failed' })).toMatchObject({
    fact: { order: { refunds: { '6YX43824R4443062K': { failed: true } } } },
  });
  expect(() => translate('PAYMENT.CAPTURE.REFUNDED', { ...older, sale_id: null })).toThrow('/resource/links');
});

test('currencies without decimals and with three are exact; an amount that is too fine is quarantined', async () => {
  const paid = (value: string, currency_code: string) =>
    signPaypal({
      event_type: 'PAYMENT.CAPTURE.COMPLETED',
      resource: { ...capture(sale), id: value, amount: { value, currency_code } },
    });
  expect((await door.send(paid('1500', 'JPY'))).body.status).toBe('recorded');
  expect((await door.send(paid('1.505', 'KWD'))).body.status).toBe('recorded');
  expect((await door.send(paid('1.505', 'EUR'))).body.status).toBe('quarantined');
});

test('what is paid in the sandbox is a test; the checkout brings buyer, items and parts', async () => {
  const inSandbox = capture({ ...sale, n: 2 }, 'api.sandbox.paypal.com');
  const message = { event_type: 'PAYMENT.CAPTURE.COMPLETED', resource: inSandbox };
  expect(storefronts.paypal.translate(message, { headers: {} }, door.source)).toMatchObject({
    fact: { order: { snapshot: { test: true } } },
  });
  expect(storefronts.paypal.translate(checkout(sale), { headers: {} }, door.source)).toMatchObject({
    fact: {
      externalId: 'CAP1',
      who: { externalId: 'PAYER0', email: 'person0@example.com', firstName: 'Ada', lastName: 'Lovelace' },
      order: {
        snapshot: { tax: 1n, discount: 200n, items: [{ title: 'Mug', sku: 'M-1', quantity: 2, unitPrice: 150n }] },
        paidAt: timeOf(1),
      },
    },
  });
});

test('any history, in any order', async () => {
  await anyHistory(
    door,
    (one) =>
      [
        { event_type: 'PAYMENT.CAPTURE.COMPLETED', resource: capture(one) },
        checkout(one),
        ...one.refunds.map((_, part) => refund(one, part, part === 1)),
      ].map((content) => signPaypal(content)),
    (one) => ({ ...one, paid: true, cancelled: false }),
  );
}, 60_000);
