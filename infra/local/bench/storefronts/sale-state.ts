import type { Sale } from './history.ts';

export const time = (milliseconds: number) => new Date(milliseconds).toISOString();
export const decimal = (cents: number) => `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;

/** What an order was worth at a time, and what had come back of it. */
export const worthAt = ({ cents, edited }: Sale, at: number) => (edited && edited.at <= at ? edited.cents : cents);
export const refundsUntil = ({ refunds }: Sale, at: number) => refunds.filter((refund) => refund.at <= at);
export const backAt = (sale: Sale, at: number) => refundsUntil(sale, at).reduce((sum, { cents }) => sum + cents, 0);
export const isOver = ({ cancelledAt }: Sale, at: number) => cancelledAt !== undefined && cancelledAt <= at;

/** One to three lines; the last makes up the sum. */
export function linesOf({ id }: Sale, worth: number): { title: string; sku: string; cents: number }[] {
  const count = Math.min(1 + (id % 3), worth);
  const each = Math.floor(worth / count);
  return Array.from({ length: count }, (_, line) => ({
    title: `Article ${(id * 7 + line) % 500}, large`,
    sku: `SKU-${(id * 7 + line) % 500}`,
    cents: line === count - 1 ? worth - each * (count - 1) : each,
  }));
}

export const nameOf = (buyer: number) => ({ first: `First${buyer % 997}`, last: `Last${buyer % 1009}` });
