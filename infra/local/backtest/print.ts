import type {
  BacktestReport,
  BacktestSeconds,
  ForecastReport,
  ModelReport,
} from '../../../shared/contracts/backtest.ts';
import { whole } from '../page/text.ts';

/** The figures, for a person at a terminal. @param remarks what the reader should know before believing them */
export function tableOf(report: BacktestReport, remarks: readonly string[], seconds?: BacktestSeconds): string {
  const { models, holdout } = report;
  const forecasts: [string, ForecastReport | null][] = [
    ['MBG/NBD', holdout.mbgNbd],
    ['BG/NBD', holdout.bgNbd],
    ['the rate so far', holdout.naiveRate],
    ['nobody returns', holdout.zero],
  ];
  return [
    `${whole(report.customers)} customers with ${whole(report.repeatPurchases)} repeat purchases up to ${report.until}; ` +
      `${whole(holdout.actual)} purchases in the ${report.horizonDays} days after.`,
    ...remarks,
    '',
    `MBG/NBD      ${modelLine(models.mbgNbd)}`,
    `BG/NBD       ${modelLine(models.bgNbd)}`,
    `Gamma-Gamma  ${modelLine(models.gammaGamma)}`,
    '',
    row(['forecast', 'total', 'of actual', 'bias', 'RMSE', 'MAE', 'correlation', 'top 10 % hold']),
    ...forecasts.map(([name, one]) => (one ? row([name, ...figures(one, holdout.actual)]) : row([name, 'not fitted']))),
    '',
    `Spent after: ${whole(holdout.spend.actual)}${
      holdout.spend.expected === null ? '' : `; expected ${whole(holdout.spend.expected)}`
    }.`,
    ...(seconds ? [timesOf(seconds)] : []),
    '',
  ].join('\n');
}

function timesOf({ read, fit: { mbgNbd, bgNbd, gammaGamma }, compare }: BacktestSeconds): string {
  const fit = mbgNbd + bgNbd + gammaGamma;
  return `Read in ${read.toFixed(1)} s, fitted in ${fit.toFixed(2)} s, compared in ${compare.toFixed(1)} s.`;
}

/** Of a file. */
export function notes({ until, horizonDays, lastDay, leftOut }: BacktestReport): string[] {
  const end = new Date(Date.parse(until) + horizonDays * 86_400_000).toISOString().slice(0, 10);
  const rows = (count: number) => (count === 1 ? '1 row' : `${whole(count)} rows`);
  return [
    ...(lastDay < end ? [`The file ends on ${lastDay}, before the ${end} that is compared with.`] : []),
    ...(leftOut.negative > 0 ? [`${rows(leftOut.negative)} with a negative amount left out.`] : []),
    ...(leftOut.withoutCustomer > 0 ? [`${rows(leftOut.withoutCustomer)} without a customer left out.`] : []),
    ...(leftOut.beyondHorizon > 0 ? [`${rows(leftOut.beyondHorizon)} after the horizon left out.`] : []),
  ];
}

const reasons: Record<string, string> = {
  fewCustomers: 'too few customers',
  noRepeaters: 'no further purchases to go by',
  noConvergence: 'no maximum was found',
  meaningless: 'the mean value does not exist',
};

export function modelLine<Name extends string>(model: ModelReport<Name>): string {
  if (!model.fitted) return `not fitted: ${reasons[model.because] ?? model.because}`;
  const edge = model.edge.length > 0 ? `; ${model.edge.join(', ')} at the edge: no value by itself` : '';
  const parameters = (Object.keys(model.standardErrors) as Name[]).map((name) => {
    const error = model.standardErrors[name];
    return `${name} ${model[name].toPrecision(4)}${error === null ? '' : ` ± ${error.toPrecision(2)}`}`;
  });
  return `${parameters.join(', ')}; ln L ${model.logLikelihood.toFixed(3)}${edge}`;
}

function figures({ total, bias, rmse, mae, correlation, topDecileShare }: ForecastReport, actual: number): string[] {
  return [
    whole(total),
    actual === 0 ? '–' : `${((100 * total) / actual).toFixed(0)} %`,
    bias.toFixed(4),
    rmse.toFixed(4),
    mae.toFixed(4),
    correlation === null ? '–' : correlation.toFixed(4),
    topDecileShare === null ? '–' : `${(100 * topDecileShare).toFixed(1)} %`,
  ];
}

const widths = [16, 9, 10, 9, 9, 9, 12, 14];

function row(cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
    .join(' ')
    .trimEnd();
}
