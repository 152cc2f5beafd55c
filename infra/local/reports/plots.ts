import { type Axes, bar, line, type Point, plot } from '../page/plot.ts';
import { percent, whole } from '../page/text.ts';
import type { Concentration, RepeatStep } from './answers.ts';

const wide = { width: 860, height: 340 };
const half = { width: 420, height: 320 };

/** So many curves keep apart. */
export const shownSteps = 4;
/** A curve ends where fewer were seen for so long: what follows hangs on single customers. */
const fewestSeen = 5;
const quarter = 91;

/** The share that has bought again, by days since the purchase before. */
export function repeatPlot(steps: readonly RepeatStep[]): string {
  const curves = steps
    .slice(0, shownSteps)
    .map(({ curve }) => curve.filter(({ seen }, index) => index === 0 || seen >= fewestSeen));
  const longest = Math.max(91, ...curves.map((curve) => curve.at(-1)?.days ?? 0));
  const most = Math.max(0.1, ...curves.flatMap((curve) => curve.map(({ share }) => share)));
  const every = Math.max(1, Math.ceil(longest / quarter / 12));
  const axes: Axes = {
    ...wide,
    x: [0, longest],
    y: [0, Math.min(1, most * 1.08)],
    xTicks: Array.from({ length: Math.floor(longest / quarter / every) + 1 }, (_, index) => {
      const months = index * every * 3;
      return { at: index * every * quarter, label: months === 0 ? '0' : `${months} mo` };
    }),
    xLabel: 'since the purchase before',
    yLabel: 'have bought again',
    show: percent,
    title: 'Share of customers who have bought again, by time since the purchase before',
  };
  return plot(axes, (place) =>
    curves
      .map((curve, index) =>
        line(
          place,
          curve.map(({ days, share }): Point => [days, share]),
          `step${index + 2}`,
        ),
      )
      .reverse()
      .join(''),
  );
}

const quarters = [0, 0.25, 0.5, 0.75, 1].map((at) => ({ at, label: percent(at) }));

/** What the customers who spent least have spent together. */
export function lorenzPlot({ lorenz }: Concentration): string {
  const axes: Axes = {
    ...half,
    x: [0, 1],
    y: [0, 1],
    xTicks: quarters,
    xLabel: 'customers, those who spent least first',
    yLabel: 'share of what was spent',
    show: percent,
    title: 'Lorenz curve of what customers spent',
  };
  return plot(axes, (place) => {
    const points = lorenz.map(({ customers, spent }): Point => [customers, spent]);
    const outline = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${place.x(x)} ${place.y(y)}`).join('');
    return (
      `<path class="between" d="${outline}L${place.x(1)} ${place.y(1)}Z"/>` +
      line(
        place,
        [
          [0, 0],
          [1, 1],
        ],
        'chance',
      ) +
      line(place, points, 'step2')
    );
  });
}

/** What the best of them hold. */
export function bestPlot({ best }: Concentration): string {
  const axes: Axes = {
    ...half,
    x: [-0.6, best.length - 0.4],
    y: [0, 1],
    xTicks: best.map(({ percent: of }, index) => ({ at: index, label: `${of} %` })),
    xLabel: 'the best customers',
    yLabel: 'share of what was spent',
    show: percent,
    title: 'Share of what was spent by the best customers',
  };
  return plot(axes, (place) =>
    best
      .map(({ percent: of, customers, spent, share }, index) => {
        const tip = `the best ${of} % (${whole(customers)} customers): ${spent.amount} ${spent.currency}`;
        const [x, y] = [place.x(index), place.y(share ?? 0) - 6];
        return (
          bar(place, [index - 0.32, index + 0.32], [0, share ?? 0], 'back', tip) +
          `<text class="value" x="${x}" y="${y}" text-anchor="middle">${percent(share ?? 0)}</text>`
        );
      })
      .join(''),
  );
}
