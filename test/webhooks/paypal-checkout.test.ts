import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { paypalTrusting } from '../../shared/storefronts/paypal.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { root } from '../fixtures/certificates.ts';
import { type FetchingDoor, openFetchingDoor } from './fetching-door.ts';
import { accountOf, answersOf, checkouts, emailOf, goodsOf, messagesOf, outcomesOf } from './paypal-histories.ts';
import { sendAll, sendings } from './sending.ts';
import { customersBy, sumOf } from './shop.ts';
import type { ShopFault } from './shop-api.ts';
import { chain, signPaypal, webhookId } from './signed-paypal.ts';

/** A capture and the checkout that names its buyer. */
let door: FetchingDoor;
const credentials = { clientId: 'app', clientSecret: 'secret' };

beforeAll(async () => {
  storefronts.paypal = paypalTrusting(() => [root]);
  door = await openFetchingDoor('');
  await door.putSource({ id: 'pp', platform: 'paypal', webhookId, countsWhen: 'paid', credentials });
  const { shops } = await import('../../functions/webhooks/door.ts');
  vi.spyOn(shops, 'fetchKey').mockImplementation(async () => chain);
  door.api.knows.set('/v1/oauth2/token', { access_token: 'A21AA-1', token_type: 'Bearer', expires_in: 32_400 });
});
afterAll(() => door.stop());
afterEach(() => {
  door.queue.waiting.splice(0);
  door.api.plan = () => undefined;
});

const at = '2026-03-01T09:00:00Z';
const amount = (value: string) => ({ value, currency_code: 'EUR' });

/** @param links where nothing else says so, the capture names its checkout by a link */
const capture = (id: string, checkout: string, value: string, links = false) => ({
  id,
  status: 'COMPLETED',
  amount: amount(value),
  create_time: at,
  update_time: at,
  ...(!links && { supplementary_data: { related_ids: { order_id: checkout } } }),
  links: [
    { href: `https://api.paypal.com/v2/payments/captures/${id}`, rel: 'self', method: 'GET' },
    { href: `https://api.paypal.com/v2/checkout/orders/${checkout}`, rel: 'up', method: 'GET' },
  ],
});
type Capture = ReturnType<typeof capture>;

/** As the API shows it: the buyer's account stands with the means of payment. */
const checkout = (id: string, email: string, ...captures: Capture[]) => ({
  id,
  status: 'COMPLETED',
  payment_source: {
    paypal: {
      email_address: email,
      account_id: `ACC-${email.split('@')[0]}`,
      name: { given_name: 'Ada', surname: 'Lovelace' },
    },
  },
  purchase_units: [
    {
      amount: { ...amount('10.00'), breakdown: { tax_total: amount('1.60') } },
      items: [{ name: 'Mug', quantity: '2', sku: 'M-1', unit_amount: amount('5.00') }],
      payments: { captures },
    },
  ],
});

function knows(shown: ReturnType<typeof checkout>): void {
  door.api.knows.set(`/v2/checkout/orders/${shown.id}`, shown);
  for (const one of shown.purchase_units[0]?.payments.captures ?? [])
    door.api.knows.set(`/v2/payments/captures/${one.id}`, one);
}

const completed = (resource: Capture) => signPaypal({ event_type: 'PAYMENT.CAPTURE.COMPLETED', resource });
async function tell(signed: ReturnType<typeof signPaypal>): Promise<string> {
  const { status, body } = await door.deliver('pp', signed);
  expect({ status, body }).toMatchObject({ status: 202, body: { status: 'recorded' } });
  return String(body.deliveryId);
}

test('a capture is fetched with its checkout: its buyer, its parts and its goods are known', async () => {
  const [first, second] = [capture('CAP1', 'ORDER1', '10.00'), capture('CAP2', 'ORDER2', '10.00', true)];
  knows(checkout('ORDER1', 'ada@example.com', first));
  knows(checkout('ORDER2', 'ada@example.com', second));
  await tell(completed(first));
  expect(door.api.calls).toEqual([]);
  await door.queue.work();
  expect(door.api.calls[0]).toMatchObject({
    path: '/v1/oauth2/token',
    body: 'grant_type=client_credentials',
    headers: { authorization: `Basic ${Buffer.from('app:secret').toString('base64')}` },
  });
  expect(door.api.calls.at(-1)?.headers.authorization).toBe('Bearer A21AA-1');
  expect(await door.order('ada@example.com')).toMatchObject({
    externalId: 'CAP1',
    order: { snapshot: { tax: 160, items: [{ title: 'Mug', sku: 'M-1', quantity: 2, unitPrice: 500 }] } },
  });
  await tell(completed(second));
  await door.queue.work();
  expect(await door.customer('ada@example.com')).toMatchObject({
    purchaseCount: 2,
    totalSpent: 2000,
    profile: { firstName: { value: 'Ada' }, lastName: { value: 'Lovelace' } },
  });
  expect(door.api.calls.filter(({ path }) => path === '/v1/oauth2/token')).toHaveLength(1);
});

test('two captures of one checkout are two sales of one buyer, whatever comes first', async () => {
  const [first, second] = [capture('CAP3', 'ORDER3', '4.00'), capture('CAP4', 'ORDER3', '6.00')];
  knows(checkout('ORDER3', 'grace@example.com', first, second));
  const resource = {
    id: 'REF1',
    status: 'COMPLETED',
    amount: amount('1.00'),
    create_time: at,
    links: [{ href: 'https://api.paypal.com/v2/payments/captures/CAP4', rel: 'up' }],
  };
  await tell(signPaypal({ event_type: 'PAYMENT.CAPTURE.REFUNDED', resource }));
  await tell(completed(second));
  await tell(completed(first));
  await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  expect(await door.customer('grace@example.com')).toMatchObject({
    purchaseCount: 2,
    totalSpent: 900,
    totalRefunded: 100,
  });
});

test('an approval is no sale, and a checkout that PayPal shows no more holds up none', async () => {
  const only = capture('CAP5', 'ORDER5', '10.00');
  const approved = signPaypal({
    event_type: 'CHECKOUT.ORDER.APPROVED',
    resource: { id: 'ORDER5', payer: { payer_id: 'P5', email_address: 'lin@example.com' }, purchase_units: [] },
  });
  expect((await door.deliver('pp', approved)).body.status).toBe('ignored');
  knows(checkout('ORDER5', 'lin@example.com', only));
  door.api.knows.delete('/v2/checkout/orders/ORDER5');
  const delivery = await tell(completed(only));
  for (let tries = 1; tries <= 3; tries++) await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  expect(await door.reason(delivery)).toBeUndefined();
  expect(await door.customer('lin@example.com')).toBeUndefined();
  // Whoever is told of the checkout later is the buyer of the sale that was kept.
  const told = { event_type: 'CHECKOUT.ORDER.COMPLETED', resource: checkout('ORDER5', 'lin@example.com', only) };
  await tell(signPaypal(told));
  expect(await door.customer('lin@example.com')).toMatchObject({ purchaseCount: 1, totalSpent: 1000 });
});

test('an answer about another capture is not recorded under this message, and says so', async () => {
  const [asked, shown] = [capture('CAP7', 'ORDER7', '10.00'), capture('CAP8', 'ORDER8', '10.00')];
  knows(checkout('ORDER8', 'mary@example.com', shown));
  door.api.knows.set('/v2/payments/captures/CAP7', shown);
  const delivery = await tell(completed(asked));
  await door.queue.work();
  expect(door.queue.waiting).toEqual([]);
  expect(await door.reason(delivery)).toBe("the shop's API answered with another order than was asked for");
  expect(await door.customer('mary@example.com')).toBeUndefined();
});

const shopFaults = fc.array(
  fc.constantFrom<ShopFault | undefined>(
    undefined,
    undefined,
    { status: 500 },
    { status: 429, headers: { 'retry-after': '0.001' } },
    // The token ended before its time.
    { status: 401 },
    { slow: 5 },
  ),
  { maxLength: 12 },
);
let round = 0;

test('random checkouts, told in any order and some of it twice, fetched while all fails, count once to the cent', async () => {
  await fc.assert(
    fc.asyncProperty(checkouts, sendings, shopFaults, fc.boolean(), async (history, way, faults, isBehind) => {
      const run = `r${++round}`;
      const named = history.map((checkout, index) => ({ checkout, name: `${run}x${index}` }));
      const show = (behind: boolean) => {
        for (const { checkout, name } of named)
          for (const [path, answer] of answersOf(checkout, name, run, behind)) door.api.knows.set(path, answer);
      };
      const events = named.flatMap(({ checkout, name }) => messagesOf(checkout, name, run));
      const early = isBehind ? events.filter(({ event_type }) => event_type === 'PAYMENT.CAPTURE.COMPLETED') : [];
      show(true);
      for (const event of early) await tell(signPaypal(event));
      await Promise.all([door.queue.work(), door.queue.work()]);
      show(false);
      const left = [...faults];
      door.api.plan = () => left.shift();
      await sendAll(
        door,
        'pp',
        events.filter((event) => !early.includes(event)).map((event) => signPaypal(event)),
        way,
        door.queue,
      );
      for (const person of [0, 1]) {
        const theirs = named.filter(({ checkout }) => checkout.person === person);
        const heard = theirs.filter(({ checkout, name }) => goodsOf(checkout, name).length > 0);
        const known = await customersBy(door, emailOf(person, run));
        expect(known.length).toBe(heard.length > 0 ? 1 : 0);
        if (!known[0]) continue;
        expect(known[0]).toMatchObject(sumOf(theirs.flatMap(({ checkout }) => outcomesOf(checkout))));
        const [account] = heard.flatMap(({ checkout }) => accountOf(checkout, run) ?? []);
        expect(known[0].sourceIds.pp).toBe(account);
        const lines = (await door.lines(known[0].customerId)).filter(({ type }) => type === 'order');
        expect(Object.fromEntries(lines.map(goodsIn))).toEqual(
          Object.fromEntries(heard.flatMap(({ checkout, name }) => goodsOf(checkout, name))),
        );
      }
    }),
    // Making a failing case smaller would take longer than the test may.
    { numRuns: Number(process.env.RUNS ?? 16), endOnFailure: true },
  );
}, 60_000);

/** By capture, how many goods its order has. */
function goodsIn({ externalId, order }: Record<string, unknown>): [string, number] {
  const { snapshot } = order as { snapshot?: { items?: unknown[] } };
  return [String(externalId), snapshot?.items?.length ?? 0];
}

test('without credentials a capture is taken as it comes, and PayPal is asked for nothing', async () => {
  await door.putSource({ id: 'pp', platform: 'paypal', webhookId, countsWhen: 'paid' });
  const before = door.api.calls.length;
  await tell(completed(capture('CAP6', 'ORDER6', '10.00')));
  expect(door.queue.waiting).toEqual([]);
  expect(door.api.calls.length).toBe(before);
});
