import { type ContactDays, type ContactKind, contactKinds } from './contacts.ts';
import { decimalText, parseMoney, scale } from './money.ts';
import { categoryOf, type SalesDays } from './sales.ts';

/** What sales and customers cost a merchant, beside what sources say of the cost of single goods. */
export interface CostRates {
  goods: {
    /** Cost of goods as a share of net sales, for goods of no category below. */
    share: number;
    byCategory: readonly { category: string; share: number }[];
  };
  refunds: {
    /** Of each refund, as decimal text in the base currency: handling, shipping back. */
    each: string;
    /** The share of the cost of goods that were paid back which is lost: they come back broken, or not at all. */
    goodsLost: number;
  };
  /** Of each contact, as decimal text in the base currency. */
  service: Readonly<Record<ContactKind, string>>;
}

/** What is left of a customer's purchases within a window, in minor units of the base currency. */
export interface Profitability {
  /** Without tax and shipping, after discounts and refunds. */
  netSales: bigint;
  /** Of the goods that were kept. */
  costOfGoods: bigint;
  refundsCost: bigint;
  costToServe: bigint;
  /** Net sales less the three costs. */
  contribution: bigint;
}

/** Until the merchant says what things cost. */
export function costRatesOfNothing(currency: string): CostRates {
  const nothing = decimalText({ minor: 0n, currency });
  return {
    goods: { share: 0, byCategory: [] },
    refunds: { each: nothing, goodsLost: 0 },
    service: { message: nothing, call: nothing, visit: nothing, support: nothing },
  };
}

/** Shares are taken to so many parts: what is finer is rounded. */
const whole = 1_000_000n;

interface Reckoning {
  shareOf(category: string): bigint;
  goodsLost: bigint;
  eachRefund: bigint;
  service: Record<ContactKind, bigint>;
}

/**
 * Reckons a customer's profitability by rates; exact but for one rounding (half to even) of each kind of goods and cost.
 * @param currency the base currency, in which the rates are
 * @throws RangeError for a rate that is no amount in it
 */
export function reckonerOf(rates: CostRates, currency: string) {
  const byCategory = new Map(rates.goods.byCategory.map(({ category, share }) => [categoryOf(category), part(share)]));
  const otherwise = part(rates.goods.share);
  const amount = (text: string) => {
    const money = parseMoney(text, currency);
    if (!money) throw new RangeError(`${text} is no amount in ${currency}`);
    return money.minor;
  };
  const reckoning: Reckoning = {
    shareOf: (category) => byCategory.get(category) ?? otherwise,
    goodsLost: part(rates.refunds.goodsLost),
    eachRefund: amount(rates.refunds.each),
    service: {
      message: amount(rates.service.message),
      call: amount(rates.service.call),
      visit: amount(rates.service.visit),
      support: amount(rates.service.support),
    },
  };
  return (sales: SalesDays, contacts: ContactDays, span: { today: number; windowDays: number | null }) =>
    reckon(reckoning, sales, contacts, span);
}

function part(share: number): bigint {
  return BigInt(Math.round(share * Number(whole)));
}

/** What happened after `today` has not happened yet. */
function reckon(
  { shareOf, goodsLost, eachRefund, service }: Reckoning,
  sales: SalesDays,
  contacts: ContactDays,
  { today, windowDays }: { today: number; windowDays: number | null },
): Profitability {
  const isWithin = ({ day }: { day: number }) => day <= today && (windowDays === null || today - day < windowDays);
  let [netSales, costOfGoods, lost, costToServe] = [0n, 0n, 0n, 0n];
  let refunds = 0;
  const uncosted = new Map<string, { kept: bigint; paidBack: bigint }>();
  for (const { refunds: times, goods } of sales.filter(isWithin)) {
    refunds += times;
    for (const { category, net, paidBack, cost } of goods) {
      netSales += net - paidBack;
      if (cost) {
        costOfGoods += cost.all - cost.paidBack;
        lost += cost.paidBack;
        continue;
      }
      const known = uncosted.get(category);
      uncosted.set(category, {
        kept: (known?.kept ?? 0n) + net - paidBack,
        paidBack: (known?.paidBack ?? 0n) + paidBack,
      });
    }
  }
  for (const [category, { kept, paidBack }] of uncosted) {
    costOfGoods += scale(kept, shareOf(category), whole);
    lost += scale(paidBack, shareOf(category), whole);
  }
  for (const contact of contacts.filter(isWithin))
    for (const kind of contactKinds) costToServe += BigInt(contact[kind]) * service[kind];
  const refundsCost = BigInt(refunds) * eachRefund + scale(lost, goodsLost, whole);
  return {
    netSales,
    costOfGoods,
    refundsCost,
    costToServe,
    contribution: netSales - costOfGoods - refundsCost - costToServe,
  };
}
