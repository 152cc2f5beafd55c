import * as z from 'zod/mini';
import { type Rate, ratesToBase, ratioText } from '../../shared/domain/exchange-rate.ts';
import { noCurrency } from '../../shared/domain/money.ts';
import { keepRates, listRates } from '../../shared/dynamodb/exchange-rate-store.ts';
import { waitingShards } from '../../shared/dynamodb/keys.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { ecbRatesIn, keptRates, rateFilters, ratesIn, shownRates } from '../../shared/http/schemas/exchange-rates.ts';
import { type Door, pagingOf } from './door.ts';
import { startCounting } from './value-run-machine.ts';

/** The ECB's whole history, since 1999, has two of them. */
const csvBytes = 4_000_000;

export const replaceRates = route({
  summary: "Keeps exchange rates, as JSON or as the ECB's CSV, and counts the orders that waited for them",
  scope: 'rates:write',
  body: ratesIn,
  bodyBytes: 500_000,
  csv: { schema: ecbRatesIn, bytes: csvBytes },
  answers: { 200: { description: 'Kept; orders that waited for them are being counted', schema: keptRates } },
  async answer(door: Door, { body: { passedOver, ...published } }) {
    const { baseCurrency } = await door.settings();
    if (baseCurrency === undefined)
      throw new Problem(409, 'base_currency_unknown', 'The first source fixes the base currency: make one first.');
    const rates = ratesToBase(published, baseCurrency);
    if (rates.length === 0)
      throw new Problem(
        422,
        'rates_without_base',
        `There is no rate of ${baseCurrency}, the base currency, to cross by.`,
      );
    const kept = await keepRates(door.client, door.tables.registry, rates);
    await startCounting(door.machine(), waitingShards);
    const days = [...new Set(rates.map(({ date }) => date))].sort();
    const body: z.infer<typeof keptRates> = {
      base: baseCurrency,
      ...kept,
      from: days[0] ?? null,
      to: days.at(-1) ?? null,
      passedOver: [...passedOver, ...daysWithout(published.rates, rates)],
    };
    return { status: 200, body };
  },
});

/** Days for which the base currency had no rate. */
function daysWithout(published: readonly { date: string }[], rates: readonly Rate[]): string[] {
  const kept = new Set(rates.map(({ date }) => date));
  return [...new Set(published.map(({ date }) => date))].filter((date) => !kept.has(date)).sort();
}

export const showRates = route({
  summary: 'Lists exchange rates to the base currency, the latest first',
  scope: 'rates:read',
  query: z.strictObject(rateFilters),
  answers: { 200: { description: 'A page of exchange rates', schema: shownRates } },
  async answer(door: Door, { query: { limit: wanted, cursor, ...filters } }) {
    const { limit, after, page } = await pagingOf(door, { limit: wanted, cursor }, filters);
    const { baseCurrency: base = noCurrency } = await door.settings();
    const { currency, from = '1970-01-01', to = '2199-12-31' } = filters;
    const found = await listRates(door.client, door.tables.registry, {
      from,
      to,
      limit,
      ...(currency !== undefined && { currency }),
      ...(after !== undefined && { after }),
    });
    const rates = found.rates.map(({ date, currency: code, ...ratio }) => ({
      date,
      base,
      currency: code,
      rate: ratioText(ratio),
    }));
    return { status: 200, body: page(rates, found.next) };
  },
});
