import type { BacktestReport, ForecastReport, GroupReport } from '../../../shared/contracts/backtest.ts';
import { type Axes, bar, ceiling, dot, line, type Point, plot } from '../page/plot.ts';
import { monthName, percent, whole } from '../page/text.ts';

const wide = { width: 860, height: 340 };
const half = { width: 420, height: 320 };
const perCustomer = (value: number) => String(value);
const mean = (group: GroupReport, of: 'expected' | 'actual') =>
  group.customers === 0 ? 0 : group[of] / group.customers;

/** Repeat purchases up to each week. */
export function cumulativePlot({ weekly, until }: BacktestReport): string {
  const most = Math.max(...weekly.flatMap(({ actual, mbgNbd, naiveRate }) => [actual, mbgNbd ?? 0, naiveRate ?? 0]));
  const cut = weekly.findIndex(({ day }) => day === until);
  const every = Math.max(1, Math.ceil(weekly.length / 9));
  const axes: Axes = {
    ...wide,
    x: [0, weekly.length - 1],
    y: [0, ceiling(most)],
    xTicks: weekly.flatMap(({ day }, index) => (index % every === 0 ? [{ at: index, label: monthName(day) }] : [])),
    xLabel: '',
    yLabel: 'repeat purchases so far',
    show: whole,
    title: 'Repeat purchases by week: what came, and what was expected',
  };
  const points = (of: 'actual' | 'mbgNbd' | 'naiveRate') =>
    weekly.flatMap((week, index): Point[] => {
      const value = week[of];
      return value === null ? [] : [[index, value]];
    });
  return plot(axes, (place) => {
    const [x, top, bottom] = [place.x(cut), place.y(axes.y[1]), place.y(0)];
    return (
      `<line class="cut" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>` +
      `<text class="note" x="${x - 6}" y="${top + 12}" text-anchor="end">fitted up to here</text>` +
      line(place, points('naiveRate'), 'naive') +
      line(place, points('actual'), 'actual') +
      line(place, points('mbgNbd'), 'mbg')
    );
  });
}

/** Tenths of the customers by a forecast, and what they bought. */
export function decilePlot(forecast: ForecastReport, kind: 'mbg' | 'naive', most: number): string {
  const tenths = forecast.calibrationByDecile;
  const axes: Axes = {
    ...half,
    x: [0.4, 10.6],
    y: [0, most],
    xTicks: tenths.map((_, index) => ({ at: index + 1, label: String(index + 1) })),
    xLabel: 'tenths of customers, the highest forecasts first',
    yLabel: 'purchases a customer',
    show: perCustomer,
    title: 'Calibration by tenths of the forecast',
  };
  return plot(axes, (place) => {
    const tip = (one: GroupReport) =>
      `expected ${mean(one, 'expected').toFixed(2)}, came ${mean(one, 'actual').toFixed(2)}`;
    const bars = tenths.map((one, index) =>
      bar(place, [index + 0.66, index + 1.34], [0, mean(one, 'actual')], 'actual', tip(one)),
    );
    const dots = tenths.map((one, index) => dot(place, [index + 1, mean(one, 'expected')], kind, tip(one)));
    return bars.join('') + dots.join('');
  });
}

/** The axis that two plots by tenths share. */
export function decileCeiling(forecasts: readonly (ForecastReport | null)[]): number {
  const groups = forecasts.flatMap((one) => one?.calibrationByDecile ?? []);
  return ceiling(Math.max(...groups.flatMap((one) => [mean(one, 'expected'), mean(one, 'actual')]), 0.01));
}

/** Customers with so many repeat purchases before, and what they bought after. */
export function countPlot({ holdout }: BacktestReport): string {
  const groups = holdout.naiveRate.calibrationByCount;
  const kinds = [
    ['naive', holdout.naiveRate, 'the rate so far'],
    ['bg', holdout.bgNbd, 'BG/NBD'],
    ['mbg', holdout.mbgNbd, 'MBG/NBD'],
  ] as const;
  const all = kinds.flatMap(([, one]) => one?.calibrationByCount ?? []);
  const axes: Axes = {
    ...wide,
    x: [-0.6, groups.length - 0.4],
    y: [0, ceiling(Math.max(...all.flatMap((one) => [mean(one, 'expected'), mean(one, 'actual')]), 0.01))],
    xTicks: groups.map(({ x, andMore, customers }, index) => ({
      at: index,
      label: `${x}${andMore ? ' or more' : ''} (${whole(customers)})`,
    })),
    xLabel: 'repeat purchases before (customers)',
    yLabel: 'purchases a customer after',
    show: perCustomer,
    title: 'Calibration by the number of repeat purchases before',
  };
  return plot(axes, (place) => {
    const bars = groups.map((one, index) =>
      bar(
        place,
        [index - 0.32, index + 0.32],
        [0, mean(one, 'actual')],
        'actual',
        `came ${mean(one, 'actual').toFixed(2)}`,
      ),
    );
    const dots = kinds.flatMap(([kind, forecast, name], shift) =>
      (forecast?.calibrationByCount ?? []).map((one, index) => {
        const tip = `${name}: expected ${mean(one, 'expected').toFixed(2)}`;
        return dot(place, [index + (shift - 1) * 0.16, mean(one, 'expected')], kind, tip);
      }),
    );
    return bars.join('') + dots.join('');
  });
}

/** How many customers have which P(alive), and how many of them came back. */
export function alivePlot(alive: NonNullable<BacktestReport['alive']>): string {
  const axes: Axes = {
    ...half,
    x: [0, 1],
    y: [0, ceiling(Math.max(...alive.map(({ customers }) => customers)))],
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: percent(at) })),
    xLabel: 'P(alive) at the cut',
    yLabel: 'customers',
    show: whole,
    title: 'Customers by the probability of being alive',
  };
  return plot(axes, (place) =>
    alive
      .map(({ from, customers, returned }) => {
        const span = [from + 0.005, from + 0.045] as const;
        const tip = `${percent(from)} to ${percent(from + 0.05)}: ${whole(returned)} of ${whole(customers)} came back`;
        return customers === 0
          ? ''
          : bar(place, span, [returned, customers], 'gone', tip) + bar(place, span, [0, returned], 'back', tip);
      })
      .join(''),
  );
}

/** Which share of the purchases the best customers by each forecast made. */
export function gainsPlot({ holdout }: BacktestReport): string {
  const axes: Axes = {
    ...half,
    x: [0, 1],
    y: [0, 1],
    xTicks: [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: percent(at) })),
    xLabel: 'customers, the highest forecasts first',
    yLabel: 'share of the purchases after',
    show: percent,
    title: 'Share of the purchases by share of the customers',
  };
  const curve = ({ gains }: ForecastReport) => gains.map((share, index): Point => [index / 20, share]);
  return plot(axes, (place) =>
    [
      line(place, curve(holdout.zero), 'chance'),
      line(place, curve(holdout.naiveRate), 'naive'),
      ...(holdout.mbgNbd ? [line(place, curve(holdout.mbgNbd), 'mbg')] : []),
    ].join(''),
  );
}
