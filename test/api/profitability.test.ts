import { afterAll, beforeAll, expect, test } from 'vitest';
import { openShop, type ShopDoor } from './shop-door.ts';

let api: ShopDoor;
beforeAll(async () => {
  api = await openShop();
});
afterAll(() => api.stop());

const eur = (amount: string) => ({ amount, currency: 'EUR' });
const report = async (body: object) =>
  (await api.call('POST /v1/interactions', { body })).body as { customerId: string };
const customer = (name: string) => ({ email: `${name}@example.com` });

const rulesNow = async () => {
  const { version: _, ...rules } = (await api.call('GET /v1/tier-policy')).body.published as object as Record<
    string,
    object
  >;
  return rules;
};
async function judgeBy(change: object) {
  const put = await api.call('PUT /v1/tier-policy', { body: { ...(await rulesNow()), ...change } });
  expect(put).toMatchObject({ status: 200 });
  await api.call('POST /v1/tier-policy/publish');
}
let day = 10;
/** The next night; answers with its run. */
async function night() {
  const runId = await api.night(`2026-03-${day++}T02:00:00Z`);
  return (await api.call('GET /v1/value-runs/{runId}', { params: { runId } })).body;
}
const shownValue = async (customerId: string) =>
  (await api.call('GET /v1/customers/{customerId}/value', { params: { customerId } })).body;

const costs = {
  goods: { share: 0.5, byCategory: [{ category: 'Tea', share: 0.25 }] },
  refunds: { each: '4.00', goodsLost: 0.5 },
  service: { message: '0.10', call: '6.00', visit: '40.00', support: '2.50' },
};

/** 119.00 in all, of which 19.00 is tax and 20.00 shipping: 80.00 of goods, half of it tea, a quarter each of the rest. */
const order = {
  type: 'order',
  externalId: 'A-1',
  occurredAt: '2026-03-01T10:30:00Z',
  customer: customer('ada'),
  total: eur('119.00'),
  tax: eur('19.00'),
  shipping: eur('20.00'),
  items: [
    { title: 'Green tea', quantity: 4, unitPrice: eur('12.50'), category: ' TEA ' },
    { title: 'Pot', quantity: 1, unitPrice: eur('25.00'), category: 'Pots', cost: eur('9.00') },
    { title: 'Spoon', quantity: 2, unitPrice: eur('12.50'), category: 'Spoons' },
  ],
};

test('contribution is net sales less goods, refunds and service, to the cent', async () => {
  const { customerId } = await report(order);
  // 23.80 of 119.00: a fifth of everything.
  await report({
    type: 'refund',
    externalId: 'R-1',
    orderExternalId: 'A-1',
    occurredAt: '2026-03-03T10:00:00Z',
    amount: eur('23.80'),
  });
  const said = { customer: customer('ada'), occurredAt: '2026-03-04T10:00:00Z' };
  await report({ ...said, type: 'call', externalId: 'C-1', direction: 'out' });
  await report({ ...said, type: 'call', externalId: 'C-2', direction: 'in' });
  await report({ ...said, type: 'message', externalId: 'M-1', direction: 'out', channel: 'sms' });
  await report({ ...said, type: 'message', externalId: 'M-2', direction: 'in', channel: 'email' });
  await report({ ...said, type: 'visit', externalId: 'V-1' });
  await report({ ...said, type: 'review', externalId: 'S-1', rating: 5 });
  await report({ ...said, type: 'visit', externalId: 'V-1' });
  await judgeBy({ costs, standard: null });
  await night();
  const { profitability, receipt, limitedTo } = await shownValue(customerId);
  const expected = {
    // 80.00 less a fifth.
    netSales: eur('64.00'),
    // Tea: a quarter of 32.00; the pot: 9.00 less a fifth; spoons: half of 16.00.
    costOfGoods: eur('23.20'),
    // Of what was paid back: a quarter of 8.00, a fifth of 9.00 and half of 4.00 come to 5.80, and half of that is lost.
    refundsCost: eur('6.90'),
    // A call, a message, a visit; and twice support.
    costToServe: eur('51.10'),
    contribution: eur('-17.20'),
  };
  expect(profitability).toMatchObject(expected);
  expect(receipt).toMatchObject({ profitability: expected, limitedTo: null });
  expect(limitedTo).toBeNull();
});

test('what is given away costs what it cost', async () => {
  const gift = { title: 'Pot', quantity: 2, unitPrice: eur('0.00'), cost: eur('18.00'), category: 'Pots' };
  const { customerId } = await report({
    ...order,
    externalId: 'G-1',
    customer: customer('gus'),
    total: eur('5.00'),
    tax: eur('0.00'),
    shipping: eur('5.00'),
    items: [gift],
  });
  await night();
  expect(await shownValue(customerId)).toMatchObject({
    profitability: { netSales: eur('0.00'), costOfGoods: eur('18.00'), contribution: eur('-18.00') },
  });
});

test('who contributes less than the standard is reached by cheaper channels alone, and the receipt says so', async () => {
  const { customerId } = await report({ ...order, externalId: 'B-1', customer: customer('ben') });
  const visit = { type: 'visit', customer: customer('ben'), occurredAt: '2026-03-05T10:00:00Z' };
  await report({ ...visit, externalId: 'V-2' });
  await report({ ...visit, externalId: 'V-3' });
  await judgeBy({ costs, standard: { contributionAtLeast: '5.00', channels: ['email', 'sms'] } });
  const run = await night();
  expect(run.report).toMatchObject({ limited: 3 });
  const value = await shownValue(customerId);
  // 80.00 less 10.00, 9.00 and 10.00 of goods and two visits.
  expect(value).toMatchObject({
    limitedTo: ['email', 'sms'],
    profitability: { contribution: eur('-29.00') },
    receipt: { limitedTo: ['email', 'sms'], profitability: { contribution: eur('-29.00') } },
  });
  expect(value.explanation).toContain('contributes -29.00 EUR, below the standard: reached by email, sms alone');
  await judgeBy({ standard: { contributionAtLeast: '-100.00', channels: ['email'] } });
  expect((await night()).report).toMatchObject({ limited: 0 });
  expect(await shownValue(customerId)).toMatchObject({ limitedTo: null, receipt: { limitedTo: null } });
});

test('tiers can be cut by contribution', async () => {
  const { customerId } = await report({ ...order, externalId: 'C-1', customer: customer('cem') });
  await judgeBy({
    weights: { recency: 0, frequency: 0, monetary: 0, contribution: 1, lifetimeValue: 0 },
    tiers: [
      { name: 'earns', atLeast: 4 },
      { name: 'costs', atLeast: 1 },
    ],
    absolute: { ...(await rulesNow()).absolute, contributionAtLeast: ['0.00', '20.00', '51.00', '500.00'] },
  });
  const { cutPoints } = await night();
  expect(cutPoints).toMatchObject({ contribution: [eur('0.00'), eur('20.00'), eur('51.00'), eur('500.00')] });
  const value = await shownValue(customerId);
  expect(value).toMatchObject({ tier: 'earns', scores: { contribution: 4 } });
  const [ben] = (await api.call('GET /v1/customers', { query: customer('ben') })).body.data as unknown as {
    id: string;
  }[];
  expect((await shownValue(ben?.id ?? '')).explanation).toMatch(
    /^moved from \w+ to costs: by version \d+ of the policy, contributed -29.00 EUR in 730 days$/,
  );
  expect(value.explanation).toBe('is earns: contributed 51.00 EUR in 730 days');
});

test('without models lifetime value counts for nothing, and the rest of the mix decides', async () => {
  await judgeBy({
    weights: { recency: 0, frequency: 0, monetary: 0, contribution: 1, lifetimeValue: 3 },
    tiers: [
      { name: 'earns', atLeast: 16 },
      { name: 'costs', atLeast: 4 },
    ],
  });
  await night();
  const found = (await api.call('GET /v1/customers', { query: customer('cem') })).body.data as unknown as {
    id: string;
  }[];
  const value = await shownValue(found[0]?.id ?? '');
  expect(value).toMatchObject({ tier: 'earns', scores: { contribution: 4 }, outlook: null });
  expect(value.scores).not.toHaveProperty('lifetimeValue');
  expect(value.receipt).toMatchObject({ weights: { contribution: 1, lifetimeValue: 0 } });
});

test('a cut that was crossed is named', async () => {
  const found = (await api.call('GET /v1/customers', { query: customer('cem') })).body.data as unknown as {
    id: string;
  }[];
  const customerId = found[0]?.id ?? '';
  await report({ type: 'visit', customerId, externalId: 'V-4', occurredAt: '2026-03-06T10:00:00Z' });
  await night();
  const { tier, explanation } = await shownValue(customerId);
  expect(tier).toBe('costs');
  expect(explanation).toMatch(/^moved from earns to costs: .*contributed 11.00 EUR in 730 days, the cut is 51.00 EUR$/);
});

test.each([
  [{ weights: { recency: 0, frequency: 0, monetary: 0, contribution: 0, lifetimeValue: 0 } }, '/weights'],
  [{ tiers: [{ name: 'all', atLeast: 3 }] }, '/tiers/0/atLeast'],
  [{ standard: { contributionAtLeast: '1e9', channels: [] } }, '/standard/contributionAtLeast'],
  [{ standard: { contributionAtLeast: '0.001', channels: [] } }, '/standard/contributionAtLeast'],
  [{ standard: { contributionAtLeast: '0', channels: ['email', 'email'] } }, '/standard/channels'],
  [{ costs: { ...costs, service: { ...costs.service, call: '-1' } } }, '/costs/service/call'],
  [{ costs: { ...costs, refunds: { each: '0.005', goodsLost: 0 } } }, '/costs/refunds/each'],
  [
    {
      costs: { ...costs, goods: { share: 0, byCategory: ['Tea', 'tea '].map((category) => ({ category, share: 0 })) } },
    },
    '/costs/goods/byCategory/1/category',
  ],
])('%o is refused', async (change, pointer) => {
  const { status, body } = await api.call('PUT /v1/tier-policy', { body: { ...(await rulesNow()), ...change } });
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain(pointer);
});
