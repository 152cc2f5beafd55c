import type { PurchaseRow } from '../../../shared/contracts/backtest.ts';
import { backtest } from '../backtest/run.ts';
import { type Bench, type Figure, rounded, shown } from './figure.ts';
import { chances } from './population.ts';

const day = 86_400_000;
const begin = Date.UTC(2024, 0, 1);
const until = Date.UTC(2025, 11, 31);
const horizonDays = 91;

/** The value models on made-up customers who live as MBG/NBD says, from their purchases to the comparison. */
export async function measureModels(bench: Bench): Promise<Figure[]> {
  const customers = bench.quick ? 20_000 : 1_000_000;
  bench.say(`models: ${shown(customers)} customers`);
  let purchases = 0;
  function* counted() {
    for (const row of rowsOf(customers)) {
      purchases += 1;
      yield row;
    }
  }
  const answer = await backtest({ rows: counted(), until: textOf(until), horizonDays });
  if (answer.kind === 'refused') throw new Error(answer.reason);
  const { read, fit, compare } = answer.seconds;
  const fitted = fit.mbgNbd + fit.gammaGamma;
  const { iterations } = { iterations: 0, ...answer.report.models.mbgNbd };
  return [
    {
      name: 'models',
      what: `MBG/NBD and Gamma-Gamma fitted to ${shown(customers)} customers, once grouped`,
      bound: '< 1 s of one core',
      measured: `${shown(fitted)} s: ${shown(fit.mbgNbd)} s in ${iterations} steps of Newton, and ${shown(fit.gammaGamma)} s`,
      comparedWith: `grouping their ${shown(purchases)} purchases: ${shown(read)} s; BG/NBD: ${shown(fit.bgNbd)} s; comparing with what came: ${shown(compare)} s`,
      over: fitted >= 1,
      values: {
        customers,
        purchases,
        readSeconds: rounded(read),
        fitSeconds: rounded(fitted, 3),
        compareSeconds: rounded(compare, 3),
      },
    },
  ];
}

/** Purchases of two years and the quarter after them; rates and chances to leave differ from customer to customer. */
function* rowsOf(customers: number): Generator<PurchaseRow> {
  const chance = chances(5);
  const wait = (rate: number) => -Math.log(chance()) / rate;
  for (let customer = 0; customer < customers; customer++) {
    let at = begin + Math.floor(chance() * ((until - begin) / day)) * day;
    // Gamma of shape 1, and beta of (1, 2.5): both have inverses that can be written down.
    const rate = wait(40) / day;
    const leaves = 1 - chance() ** (1 / 2.5);
    const usual = 20 + 60 * chance();
    for (;;) {
      if (at > until + horizonDays * day) break;
      yield { line: 0, customerId: `c${customer}`, date: textOf(at), spend: (usual * (0.5 + chance())).toFixed(2) };
      if (chance() < leaves) break;
      at += wait(rate);
    }
  }
}

function textOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
