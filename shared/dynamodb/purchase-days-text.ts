import type { PurchaseDay, PurchaseDays } from '../domain/purchase-days.ts';

/**
 * Days of purchases as a short text, which every night reads for every customer: `20412:18109 3:2500:2` is one purchase
 * of 181.09 on day 20412 and, three days later, two that come to 25.00.
 */
export function daysText(days: PurchaseDays): string {
  let before = 0;
  const texts = days.map(({ day, spent, purchases }) => {
    const text = `${day - before}:${spent}${purchases === 1 ? '' : `:${purchases}`}`;
    before = day;
    return text;
  });
  return texts.join(' ');
}

export function readDays(text: string): PurchaseDay[] {
  if (text === '') return [];
  let day = 0;
  return text.split(' ').map((part) => {
    const [since = '', spent = '', purchases = '1'] = part.split(':');
    day += Number(since);
    return { day, purchases: Number(purchases), spent: BigInt(spent) };
  });
}
