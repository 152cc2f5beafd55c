import { dayOf, type Rate, waitsForRate } from '../domain/exchange-rate.ts';
import type { Order } from '../domain/order.ts';
import { orderFactsOf } from '../domain/order-facts.ts';
import type { Frame } from './draft.ts';
import type { Known } from './known.ts';
import type { WaitingOrder, Write } from './record-store.ts';
import { type Home, orderRef } from './sale-names.ts';

/**
 * By which an order is counted in the base currency: the rate of when it was first counted, whatever is said of it
 * later; where there was none yet, that of the day on which it was placed. Nothing is read for one in the base currency.
 */
export async function rateOf(
  known: Known,
  order: Order,
  homes: readonly Home[],
  { baseCurrency }: Frame,
): Promise<Rate | undefined> {
  const rates = homes.flatMap(({ line }) => line?.rate ?? []);
  const { currency } = orderFactsOf(order);
  const fixed = rates.find((rate) => rate.currency === currency);
  const needsOne = currency !== '' && currency !== baseCurrency && order.placedAt !== undefined;
  if (fixed || !needsOne) return fixed ?? rates[0];
  return (await known.rate(currency, baseCurrency, dayOf(order.placedAt as string))) ?? rates[0];
}

/** Keeps the list of orders that wait for a rate. */
export function waitingWrites(
  homes: readonly Home[],
  home: Home,
  after: Order,
  rate: Rate | undefined,
  frame: Frame,
): Write[] {
  const were = homes.flatMap((one) =>
    one.line ? (waitingOrder(one, one.line.order, one.line.rate, frame) ?? []) : [],
  );
  const is = waitingOrder(home, after, rate, frame);
  const isListed = is !== undefined && were.some((order) => samePlace(order, is));
  return [
    ...were.filter((order) => !is || !samePlace(order, is)).map((order): Write => ({ kind: 'waited', order })),
    ...(is && !isListed ? [{ kind: 'waiting' as const, order: is }] : []),
  ];
}

function waitingOrder({ name, interactionId }: Home, order: Order, rate: Rate | undefined, frame: Frame) {
  if (!order.placedAt || !waitsForRate(order, rate, frame.baseCurrency)) return undefined;
  const { currency } = orderFactsOf(order);
  return { currency, placedAt: order.placedAt, interactionId, natural: orderRef(name, frame) } satisfies WaitingOrder;
}

const samePlace = (a: WaitingOrder, b: WaitingOrder) =>
  a.currency === b.currency && a.placedAt === b.placedAt && a.interactionId === b.interactionId;
