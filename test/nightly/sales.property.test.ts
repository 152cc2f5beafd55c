import fc from 'fast-check';
import { expect, it } from 'vitest';
import { calendarOf } from '../../shared/domain/calendar.ts';
import type { ContactDays } from '../../shared/domain/contacts.ts';
import { foldFacts, noFacts, withOrderFacts } from '../../shared/domain/facts.ts';
import type { Order, OrderedItem } from '../../shared/domain/order.ts';
import { noOrderFacts, orderFactsOf } from '../../shared/domain/order-facts.ts';
import { reckonerOf } from '../../shared/domain/profitability.ts';
import type { SalesDays } from '../../shared/domain/sales.ts';
import { defaultTierPolicy } from '../../shared/domain/tier-policy.ts';
import { contactsText, readContacts, readSales, salesText } from '../../shared/dynamodb/days-text.ts';

const calendar = calendarOf('Europe/Berlin');
const cents = fc.bigInt({ min: 0n, max: 200_000n });
const categories = ['Tea', 'tea ', 'Pots', 'a,b|c:d;e@f=g h', 'Größe', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7'];

const item: fc.Arbitrary<OrderedItem> = fc
  .record({
    quantity: fc.constantFrom(1, 2, 3, 0.5, 1.275),
    unitPrice: cents,
    category: fc.option(fc.constantFrom(...categories), { nil: undefined }),
    cost: fc.option(cents, { nil: undefined }),
  })
  .map(({ category, cost, ...one }) => ({
    title: 'Thing',
    ...one,
    ...(category !== undefined && { category }),
    ...(cost !== undefined && { cost }),
  }));

const order: fc.Arbitrary<Order> = fc
  .record({
    goods: cents,
    tax: cents,
    shipping: cents,
    items: fc.array(item, { maxLength: 14 }),
    refunds: fc.array(fc.bigInt({ min: 0n, max: 250_000n }), { maxLength: 3 }),
    cancelled: fc.boolean(),
    day: fc.nat(900),
  })
  .map(({ goods, tax, shipping, items, refunds, cancelled, day }) => {
    const placedAt = new Date(Date.UTC(2024, 0, 1) + day * 86_400_000).toISOString();
    const total = { minor: goods + tax + shipping, currency: 'EUR' };
    return {
      snapshot: { updatedAt: placedAt, total, tax, shipping, test: false, ...(items.length > 0 && { items }) },
      placedAt,
      ...(cancelled && { cancelledAt: placedAt }),
      refunds: Object.fromEntries(
        refunds.map((minor, index) => [String(index), { amount: { minor, currency: 'EUR' }, refundedAt: placedAt }]),
      ),
      consents: {},
    };
  });

const goodsOf = (sales: SalesDays) => sales.flatMap(({ goods }) => goods);

it('net sales of an order are its total without tax and shipping, and what was paid back takes its share', () => {
  fc.assert(
    fc.property(order, (one) => {
      const { sales, totalRefunded } = foldFacts([orderFactsOf(one)], calendar);
      const { total = { minor: 0n }, tax = 0n, shipping = 0n, items = [] } = one.snapshot ?? {};
      const net = goodsOf(sales).reduce((sum, goods) => sum + goods.net, 0n);
      expect(net).toBe(one.cancelledAt ? 0n : total.minor - tax - shipping);
      const paidBack = goodsOf(sales).reduce((sum, goods) => sum + goods.paidBack, 0n);
      const share = totalRefunded >= total.minor ? 1 : Number(totalRefunded) / Number(total.minor);
      expect(Math.abs(Number(paidBack) - Number(net) * share)).toBeLessThanOrEqual(1);
      if (share === 1) for (const goods of goodsOf(sales)) expect(goods.paidBack).toBe(goods.net);
      expect(
        new Set(
          goodsOf(sales)
            .filter(({ cost }) => !cost)
            .map(({ category }) => category),
        ).size,
      ).toBeLessThan(10);
      const costs = goodsOf(sales).reduce((sum, { cost }) => sum + (cost?.all ?? 0n), 0n);
      const asked = items.reduce((sum, { cost = 0n }) => sum + cost, 0n);
      if (!one.cancelledAt) expect(costs).toBe(asked);
    }),
    { numRuns: 500 },
  );
});

it('sales do not depend on the order of orders, and come and go without a trace', () => {
  fc.assert(
    fc.property(fc.array(order, { maxLength: 8 }), order, fc.nat(), (orders, other, at) => {
      const facts = orders.map(orderFactsOf);
      const { sales } = foldFacts(facts, calendar);
      expect(foldFacts(facts.toReversed(), calendar).sales).toEqual(sales);
      const place = at % (orders.length + 1);
      const passing = [...facts.slice(0, place), orderFactsOf(other), ...facts.slice(place)];
      const with_ = foldFacts(passing, calendar);
      expect(withOrderFacts(with_, orderFactsOf(other), noOrderFacts, calendar, {}).sales).toEqual(sales);
      expect(readSales(salesText(sales))).toEqual(sales);
    }),
  );
  expect(salesText(noFacts.sales)).toBe('');
});

const counts = fc.nat(12);
const contacts: fc.Arbitrary<ContactDays> = fc
  .uniqueArray(
    fc.record({
      day: fc.integer({ min: 19_000, max: 21_000 }),
      message: counts,
      call: counts,
      visit: counts,
      support: counts,
    }),
    {
      selector: ({ day }) => day,
      maxLength: 10,
    },
  )
  .map((days) => days.toSorted((a, b) => a.day - b.day));

it('contacts are read as they were written', () => {
  fc.assert(
    fc.property(contacts, (days) => {
      expect(readContacts(contactsText(days))).toEqual(days);
    }),
  );
});

it('contribution is what the parts leave, and only what lies in the window counts', () => {
  const { costs } = defaultTierPolicy('EUR');
  const share = fc.nat(100).map((percent) => percent / 100);
  const rates = fc.record({ otherwise: share, tea: share, lost: share, each: fc.nat(900), service: fc.nat(999) });
  fc.assert(
    fc.property(
      fc.array(order, { maxLength: 6 }),
      contacts,
      rates,
      fc.nat(400),
      (orders, served, given, windowDays) => {
        const text = (minor: number) => (minor / 100).toFixed(2);
        const reckon = reckonerOf(
          {
            goods: { share: given.otherwise, byCategory: [{ category: 'TEA', share: given.tea }] },
            refunds: { each: text(given.each), goodsLost: given.lost },
            service: { ...costs.service, visit: text(given.service) },
          },
          'EUR',
        );
        const today = 20_500;
        const { sales } = foldFacts(orders.map(orderFactsOf), calendar);
        const span = { today, windowDays: windowDays + 1 };
        const found = reckon(sales, served, span);
        const within = ({ day }: { day: number }) => day <= today && day > today - span.windowDays;
        let [net, goods, lost, refunds] = [0, 0, 0, 0];
        for (const day of sales.filter(within)) {
          refunds += day.refunds;
          for (const one of day.goods) {
            const kept = Number(one.net - one.paidBack);
            const by = one.category === 'tea' ? given.tea : given.otherwise;
            net += kept;
            goods += one.cost ? Number(one.cost.all - one.cost.paidBack) : kept * by;
            lost += (one.cost ? Number(one.cost.paidBack) : Number(one.paidBack) * by) * given.lost;
          }
        }
        const near = (exact: number, minor: bigint) => expect(Math.abs(Number(minor) - exact)).toBeLessThanOrEqual(20);
        expect(Number(found.netSales)).toBe(net);
        near(goods, found.costOfGoods);
        near(lost + refunds * given.each, found.refundsCost);
        const visits = served.filter(within).reduce((sum, { visit }) => sum + visit, 0);
        expect(Number(found.costToServe)).toBe(visits * given.service);
        const { netSales, costOfGoods, refundsCost, costToServe, contribution } = found;
        expect(contribution).toBe(netSales - costOfGoods - refundsCost - costToServe);
        expect(reckon(sales.filter(within), served.filter(within), { today, windowDays: null })).toEqual(found);
      },
    ),
  );
});
