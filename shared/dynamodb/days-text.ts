import type { ContactDay, ContactDays } from '../domain/contacts.ts';
import type { PurchaseDay, PurchaseDays } from '../domain/purchase-days.ts';
import type { Goods, SalesDay, SalesDays } from '../domain/sales.ts';

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

/**
 * Sales by day as a short text: `tea|20412:15000@0;4900 3:r1;2500-500=1200-240` is 150.00 of the category `tea` and 49.00
 * of none on day 20412 and, three days later, a refund, and 25.00 of goods that cost 12.00; of them 5.00 was paid back.
 */
export function salesText(days: SalesDays): string {
  if (days.length === 0) return '';
  const categories = [...new Set(days.flatMap(({ goods }) => goods.map(({ category }) => category)))].filter(Boolean);
  let before = 0;
  const texts = days.map(({ day, refunds, goods }) => {
    const parts = [...(refunds === 0 ? [] : [`r${refunds}`]), ...goods.map((one) => goodsText(one, categories))];
    const text = `${day - before}:${parts.join(';')}`;
    before = day;
    return text;
  });
  return `${categories.map(encodeURIComponent).join(',')}|${texts.join(' ')}`;
}

function goodsText({ category, net, paidBack, cost }: Goods, categories: readonly string[]): string {
  const place = category === '' ? '' : `@${categories.indexOf(category)}`;
  return `${amounts(net, paidBack)}${place}${cost ? `=${amounts(cost.all, cost.paidBack)}` : ''}`;
}

const amounts = (all: bigint, paidBack: bigint) => (paidBack === 0n ? `${all}` : `${all}-${paidBack}`);

export function readSales(text: string): SalesDay[] {
  if (text === '') return [];
  const [names = '', texts = ''] = text.split('|');
  const categories = names === '' ? [] : names.split(',').map(decodeURIComponent);
  let day = 0;
  return texts.split(' ').map((part) => {
    const [since = '', rest = ''] = part.split(':');
    day += Number(since);
    const parts = rest.split(';');
    const refunds = parts[0]?.startsWith('r') ? Number(parts.shift()?.slice(1)) : 0;
    return { day, refunds, goods: parts.map((one) => readGoods(one, categories)) };
  });
}

function readGoods(text: string, categories: readonly string[]): Goods {
  const [sold = '', costs] = text.split('=');
  const [both = '', place] = sold.split('@');
  const [net, paidBack] = readAmounts(both);
  const category = place === undefined ? '' : (categories[Number(place)] ?? '');
  if (costs === undefined) return { category, net, paidBack };
  const [all, ofPaidBack] = readAmounts(costs);
  return { category, net, paidBack, cost: { all, paidBack: ofPaidBack } };
}

function readAmounts(text: string): [bigint, bigint] {
  const [all = '', paidBack = '0'] = text.split('-');
  return [BigInt(all), BigInt(paidBack)];
}

const letters = { m: 'message', c: 'call', v: 'visit', s: 'support' } as const;

/** Contacts by day as a short text: `20412:m1 3:c1s2` is a message on day 20412, a call and two questions three days later. */
export function contactsText(days: ContactDays): string {
  let before = 0;
  const texts = days.map((contact) => {
    const counts = Object.entries(letters).map(([letter, kind]) => (contact[kind] ? `${letter}${contact[kind]}` : ''));
    const text = `${contact.day - before}:${counts.join('')}`;
    before = contact.day;
    return text;
  });
  return texts.join(' ');
}

export function readContacts(text: string): ContactDay[] {
  if (text === '') return [];
  let day = 0;
  return text.split(' ').map((part) => {
    const [since = '', counts = ''] = part.split(':');
    day += Number(since);
    const contact: ContactDay = { day, message: 0, call: 0, visit: 0, support: 0 };
    for (const [, letter = '', count] of counts.matchAll(/([mcvs])(\d+)/g))
      contact[letters[letter as keyof typeof letters]] = Number(count);
    return contact;
  });
}
