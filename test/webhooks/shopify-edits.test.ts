import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signShopify } from '../signed.ts';
import { type Door, openDoor } from './door.ts';
import { customersBy } from './shop.ts';
import { order } from './shopify-order.ts';

let door: Door;
beforeAll(async () => {
  door = await openDoor();
});
afterAll(() => door.stop());

const send = (content: unknown, topic = 'orders/create') => door.deliver('shop', signShopify(topic, content));

describe('what an edited order is worth', () => {
  const refund = (id: number, options: { goods: string; paid?: string }) => ({
    id,
    created_at: '2026-03-04T00:00:00Z',
    refund_line_items: [{ subtotal: options.goods, total_tax: '0.00' }],
    transactions: options.paid ? [{ kind: 'refund', status: 'success', amount: options.paid, currency: 'EUR' }] : [],
  });
  const cases: Record<string, { said: Record<string, unknown>; spent: number; refunded: number }> = {
    'goods added': { said: { current_total_price: '130.00', refunds: [] }, spent: 13_000, refunded: 0 },
    'goods taken out before they were paid': {
      said: { current_total_price: '70.00', total_outstanding: '0.00', refunds: [refund(1, { goods: '30.00' })] },
      spent: 7000,
      refunded: 0,
    },
    'the same, and goods sent back later': {
      said: {
        current_total_price: '60.00',
        refunds: [refund(1, { goods: '30.00' }), refund(2, { goods: '10.00', paid: '10.00' })],
      },
      spent: 6000,
      refunded: 1000,
    },
    'goods sent back for which the shop still owes': {
      said: { current_total_price: '70.00', total_outstanding: '-30.00', refunds: [refund(1, { goods: '30.00' })] },
      spent: 10_000,
      refunded: 0,
    },
    'goods sent back, less a fee': {
      said: { current_total_price: '80.00', refunds: [refund(1, { goods: '20.00', paid: '15.00' })] },
      spent: 8500,
      refunded: 1500,
    },
    'goods added, and most of it paid back': {
      said: { current_total_price: '30.00', refunds: [refund(1, { goods: '120.00', paid: '120.00' })] },
      spent: 3000,
      refunded: 12_000,
    },
    'goods sent back, with the refund not yet named': {
      said: { current_total_price: '80.00', financial_status: 'paid', refunds: [] },
      spent: 10_000,
      refunded: 0,
    },
    'goods taken out of an order that is not paid': {
      said: { current_total_price: '70.00', financial_status: 'pending', refunds: [] },
      spent: 7000,
      refunded: 0,
    },
    'goods sent back in exchange for cheaper ones': {
      said: {
        total_price: '130.00',
        current_total_price: '80.00',
        total_outstanding: '0.00',
        refunds: [refund(1, { goods: '50.00', paid: '20.00' })],
      },
      spent: 8000,
      refunded: 2000,
    },
    'shipping paid back, without goods': {
      said: {
        current_total_price: '95.00',
        refunds: [{ ...refund(1, { goods: '0.00', paid: '5.00' }), refund_line_items: [] }],
      },
      spent: 9500,
      refunded: 500,
    },
  };
  test.each(Object.entries(cases))('%s', async (name, { said, spent, refunded }) => {
    const id = 2000 + Object.keys(cases).indexOf(name);
    const email = `edit${id}@example.com`;
    await send(order({ id, email, total_price: '100.00', current_total_price: '100.00' }));
    const later = { updated_at: '2026-03-05T00:00:00Z', total_price: '100.00', ...said };
    await send(order({ id, email, ...later }), 'orders/updated');
    const [customer] = await customersBy(door, email);
    expect(customer).toMatchObject({ purchaseCount: 1, totalSpent: spent, totalRefunded: refunded });
  });
});

describe('tax, discount and items belong to the total before refunds', () => {
  const placed = {
    total_price: '119.00',
    total_tax: '19.00',
    total_discounts: '10.00',
    line_items: [{ id: 1, title: 'Tea', price: '64.50', quantity: 2, current_quantity: 2 }],
  };
  const back = (amount: string, quantity: number, tax: string) => ({
    id: 9,
    created_at: '2026-03-04T00:00:00Z',
    transactions: [{ kind: 'refund', status: 'success', amount, currency: 'EUR' }],
    refund_line_items: [{ line_item_id: 1, quantity, subtotal: amount, total_tax: tax }],
  });
  const line = (current_quantity: number) => ({ ...placed.line_items[0], current_quantity });
  const cases: Record<string, { said: Record<string, unknown>; is: Record<string, unknown> }> = {
    'nothing came back': {
      said: { current_total_price: '119.00', current_total_tax: '19.00', current_total_discounts: '10.00' },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'half came back': {
      said: {
        current_total_price: '59.50',
        current_total_tax: '9.50',
        current_total_discounts: '5.00',
        total_outstanding: '0.00',
        line_items: [line(1)],
        refunds: [back('59.50', 1, '9.50')],
      },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'all came back': {
      said: {
        current_total_price: '0.00',
        current_total_tax: '0.00',
        current_total_discounts: '0.00',
        total_outstanding: '0.00',
        line_items: [line(0)],
        refunds: [back('119.00', 2, '19.00')],
      },
      is: { tax: 1900, discount: 1000, items: [{ title: 'Tea', quantity: 2 }] },
    },
    'a cup was added, and half of the tea came back': {
      said: {
        current_total_price: '71.40',
        current_total_tax: '11.40',
        total_outstanding: '0.00',
        line_items: [line(1), { id: 2, title: 'Cup', price: '11.90', quantity: 1, current_quantity: 1 }],
        refunds: [back('59.50', 1, '9.50')],
      },
      is: {
        tax: 2090,
        items: [
          { title: 'Tea', quantity: 2 },
          { title: 'Cup', quantity: 1 },
        ],
      },
    },
    'one tea was taken out before it was paid': {
      said: {
        current_total_price: '59.50',
        current_total_tax: '9.50',
        current_total_discounts: '5.00',
        total_outstanding: '0.00',
        line_items: [line(1)],
        refunds: [{ ...back('59.50', 1, '9.50'), transactions: [] }],
      },
      is: { tax: 950, discount: 500, items: [{ title: 'Tea', quantity: 1 }] },
    },
  };
  test.each(Object.entries(cases))('%s', async (name, { said, is }) => {
    const id = 2200 + Object.keys(cases).indexOf(name);
    const email = `parts${id}@example.com`;
    await send(order({ id, email, ...placed, updated_at: '2026-03-05T00:00:00Z', ...said }), 'orders/updated');
    const [customer] = await customersBy(door, email);
    const lines = await door.lines(customer?.customerId ?? '');
    expect(lines.find(({ type }) => type === 'order')).toMatchObject({ order: { snapshot: is } });
  });
});
