import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  countedOf,
  cross,
  inBase,
  isDay,
  parseRatio,
  type Rate,
  type Ratio,
  ratesToBase,
  ratioText,
  readRatio,
} from '../../shared/domain/exchange-rate.ts';
import type { Order } from '../../shared/domain/order.ts';

const ratioOf = (text: string) => parseRatio(text) as Ratio;
const rateOf = (currency: string, base: string, text: string): Rate => ({
  currency,
  base,
  date: '2026-11-20',
  ...ratioOf(text),
});

describe('an amount', () => {
  it.each([
    ['dollars', 10832n, rateOf('USD', 'EUR', '1.0832'), 10000n],
    ['yen, without decimals, into euros', 16120n, rateOf('JPY', 'EUR', '161.2'), 10000n],
    ['dinars, with three, into euros', 33333n, rateOf('KWD', 'EUR', '0.33'), 10101n],
    ['euros into yen', 10000n, rateOf('EUR', 'JPY', '0.0062'), 16129n],
    ['euros into dinars', 10000n, rateOf('EUR', 'KWD', '3'), 33333n],
    ['half a cent, to the even one below', 1n, rateOf('USD', 'EUR', '2'), 0n],
    ['half a cent, to the even one above', 3n, rateOf('USD', 'EUR', '2'), 2n],
    ['one below zero, to the even one', -1n, rateOf('USD', 'EUR', '2'), 0n],
  ])('of %s is rounded once, half to even', (_, minor, rate, expected) => {
    expect(inBase(minor, rate)).toBe(expected);
  });
});

const decimalText = fc
  .tuple(fc.nat(999_999_999), fc.nat(999_999_999), fc.nat(9))
  .map(([whole, fraction, places]) => `${whole}.${String(fraction).padStart(9, '0')}`.slice(0, -places || undefined))
  .filter((text) => parseRatio(text) !== undefined);

test('a ratio is what its text says, and its text is read back', () => {
  fc.assert(
    fc.property(decimalText, decimalText, (a, b) => {
      for (const ratio of [ratioOf(a), cross(ratioOf(a), ratioOf(b))])
        expect(readRatio(ratioText(ratio))).toEqual(ratio);
      expect(Number(ratioText(ratioOf(a)))).toBe(Number(a));
    }),
  );
});

test('rates for another base are crossed exactly, both ways', () => {
  fc.assert(
    fc.property(decimalText, decimalText, (dollars, pounds) => {
      const rates = [
        { date: '2026-11-20', currency: 'USD', ...ratioOf(dollars) },
        { date: '2026-11-20', currency: 'GBP', ...ratioOf(pounds) },
        { date: '2026-11-19', currency: 'USD', ...ratioOf(dollars) },
      ];
      const crossed = ratesToBase({ base: 'EUR', rates }, 'GBP');
      expect(crossed.map(({ date, currency, base }) => [date, currency, base])).toEqual([
        ['2026-11-20', 'USD', 'GBP'],
        ['2026-11-20', 'EUR', 'GBP'],
      ]);
      const [usd, eur] = crossed as [Rate, Rate];
      // Dollars for a pound, times pounds for a euro, are dollars for a euro.
      const back = (a: Ratio, b: Ratio) => [a.numerator * b.numerator, a.denominator * b.denominator] as const;
      const [above, below] = back(usd, ratioOf(pounds));
      expect(above * ratioOf(dollars).denominator).toBe(below * ratioOf(dollars).numerator);
      const [one, same] = back(eur, ratioOf(pounds));
      expect(one).toBe(same);
    }),
  );
});

test('an order that was paid back in full comes to zero at any rate', () => {
  fc.assert(
    fc.property(decimalText, fc.bigInt({ min: 1n, max: 10n ** 12n }), fc.nat(100), (text, minor, share) => {
      const part = (minor * BigInt(share)) / 100n;
      const at = '2026-11-20T10:00:00.000Z';
      const refund = (amount: bigint) => ({ amount: { minor: amount, currency: 'KWD' }, refundedAt: at });
      const order: Order = {
        snapshot: { updatedAt: at, total: { minor, currency: 'KWD' }, test: false },
        placedAt: at,
        refunds: { a: refund(part), b: refund(minor - part) },
        consents: {},
      };
      const rate = rateOf('KWD', 'EUR', text);
      const paid = inBase(minor, rate);
      const { sale, ...counted } = countedOf(order, rate);
      expect(counted).toEqual({ currency: 'EUR', purchase: false, spent: 0n, refunded: paid });
      for (const { net, paidBack } of sale?.goods ?? []) expect(paidBack).toBe(net);
      const { a } = order.refunds;
      const { spent, refunded } = countedOf({ ...order, refunds: a && part > 0n ? { a } : {} }, rate);
      if (part < minor) expect(spent + refunded).toBe(paid);
    }),
  );
});

test('what was sold comes to what counts, also by category and in another currency', () => {
  const cents = fc.bigInt({ min: 1n, max: 10n ** 7n });
  fc.assert(
    fc.property(decimalText, fc.array(cents, { minLength: 1, maxLength: 12 }), fc.nat(100), (text, prices, percent) => {
      const at = '2026-11-20T10:00:00.000Z';
      const minor = prices.reduce((sum, price) => sum + price, 0n);
      const items = prices.map((unitPrice, index) => ({
        title: 'Thing',
        quantity: 1,
        unitPrice,
        category: `c${index % 5}`,
        ...(index % 3 === 0 && { cost: unitPrice }),
      }));
      const refund = { amount: { minor: (minor * BigInt(percent)) / 100n, currency: 'USD' }, refundedAt: at };
      const order: Order = {
        snapshot: { updatedAt: at, total: { minor, currency: 'USD' }, test: false, items },
        placedAt: at,
        refunds: { a: refund },
        consents: {},
      };
      const { sale, spent } = countedOf(order, rateOf('USD', 'EUR', text));
      const kept = sale?.goods.reduce((sum, { net, paidBack }) => sum + net - paidBack, 0n);
      expect(kept).toBe(spent);
    }),
  );
});

test('days are those of the calendar', () => {
  for (const day of ['2026-02-28', '2024-02-29', '1999-01-04']) expect(isDay(day)).toBe(true);
  for (const day of ['2026-02-29', '2026-13-01', '2026-1-1', '26-01-01', '2026-01-00']) expect(isDay(day)).toBe(false);
});
