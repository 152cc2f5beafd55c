import type { BacktestAnswer, BacktestOrder, BacktestReport } from '../../shared/contracts/backtest.ts';
import { compareAfter, spendBefore } from '../../shared/domain/models/backtest.ts';
import { reportOf } from '../../shared/domain/models/backtest-report.ts';
import { fitBgNbd } from '../../shared/domain/models/bg-nbd.ts';
import { anyTerms } from '../../shared/domain/models/fit.ts';
import { fitGammaGamma } from '../../shared/domain/models/gamma-gamma.ts';
import { HoldoutCut } from '../../shared/domain/models/holdout-cut.ts';
import { fitMbgNbd } from '../../shared/domain/models/mbg-nbd.ts';
import { parseAmount, parseDay, textOfDay } from '../../shared/domain/models/purchase-text.ts';

type LeftOut = BacktestReport['leftOut'];

/** Days beyond this do not fit into a history. */
const longestLife = 65_535;
const daysPerWeek = 7;

/** Fits the models to the purchases up to a day, and compares what they forecast with those after it. */
export async function handler({ rows, until, horizonDays }: BacktestOrder): Promise<BacktestAnswer> {
  const cutDay = parseDay(until);
  if (cutDay === undefined) return { kind: 'refused', reason: `${JSON.stringify(until)} is no day` };
  const begun = process.cpuUsage();
  const history = new HoldoutCut(cutDay, horizonDays);
  const leftOut: LeftOut = { withoutCustomer: 0, negative: 0, beyondHorizon: 0 };
  for await (const { line, customerId, date, spend } of rows) {
    const day = parseDay(date);
    if (day === undefined) return { kind: 'refused', line, reason: `${quoted(date)} is no date` };
    if (cutDay - day > longestLife) return { kind: 'refused', line, reason: `${quoted(date)} is too long ago` };
    const amount = parseAmount(spend);
    if (amount === undefined) return { kind: 'refused', line, reason: `${quoted(spend)} is no amount` };
    if (customerId === '') leftOut.withoutCustomer += 1;
    else if (amount < 0) leftOut.negative += 1;
    else history.add({ customerId, day, amount });
  }
  const cut = history.cut();
  if (cut.counts.size === 0) return { kind: 'refused', reason: `nobody had bought by ${until}` };
  const { user, system } = process.cpuUsage(begun);
  const read = (user + system) / 1e6;
  const [mbgNbd, mbgNbdSeconds] = timed(() => fitMbgNbd(cut.counts, anyTerms, daysPerWeek));
  const [bgNbd, bgNbdSeconds] = timed(() => fitBgNbd(cut.counts, anyTerms, daysPerWeek));
  const spend = spendBefore(cut);
  const [gammaGamma, gammaGammaSeconds] = timed(() => fitGammaGamma(spend, anyTerms));
  const [backtest, compare] = timed(() => compareAfter(cut, { mbgNbd, bgNbd, gammaGamma }));
  leftOut.beyondHorizon = history.beyond;
  const report = reportOf(backtest, { until: textOfDay(cutDay), horizonDays, lastDay: textOfDay(cut.last), leftOut });
  const fit = { mbgNbd: mbgNbdSeconds, bgNbd: bgNbdSeconds, gammaGamma: gammaGammaSeconds };
  return { kind: 'tested', report, seconds: { read, fit, compare } };
}

/** In seconds of the processor: what else the machine does has no say. */
function timed<Value>(work: () => Value): [Value, number] {
  const begun = process.cpuUsage();
  const value = work();
  const { user, system } = process.cpuUsage(begun);
  return [value, (user + system) / 1e6];
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}
