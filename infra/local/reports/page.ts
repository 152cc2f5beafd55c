import { figure, htmlPage, legendOf } from '../page/page.ts';
import { escaped } from '../page/plot.ts';
import { monthName, percent, whole } from '../page/text.ts';
import type { Concentration, RepeatStep, Reports, Retention, TierMigration } from './answers.ts';
import { migrationGrid, retentionGrid } from './grids.ts';
import { bestPlot, lorenzPlot, repeatPlot, shownSteps } from './plots.ts';

const ordinals: Record<number, string> = { 2: 'second', 3: 'third', 4: 'fourth', 5: 'fifth' };
const nameOf = (purchase: number) => `${ordinals[purchase] ?? `${purchase}th`} purchase`;

/** All reports of one run as a page. */
export function reportsPage({ retention, repeatPurchases, concentration, tierMigration }: Reports): string {
  const { asOf, runId, timeZone } = retention;
  const dayOf = (at: string) => new Intl.DateTimeFormat('en-CA', { timeZone }).format(new Date(at));
  const day = dayOf(asOf);
  const main = `<header>
<h1>Customers on ${day}</h1>
<p class="lead">${lead(repeatPurchases.steps, concentration)}</p>
<p class="quiet">Of the value run <code>${escaped(runId)}</code>; days and months in ${escaped(timeZone)}. Who was erased before it is in none of these figures.</p>
</header>
${repeatSection(repeatPurchases.steps)}
${retentionSection(retention)}
${concentrationSection(concentration)}
${migrationSection(tierMigration, dayOf)}
<p class="quiet foot">All figures are in <code>reports.json</code>.</p>`;
  return htmlPage(`Customers on ${day}`, main);
}

function lead(steps: readonly RepeatStep[], { best, gini }: Concentration): string {
  const [second] = steps;
  const tenth = best.find(({ percent: of }) => of === 10);
  const year = second?.curve.findLast(({ days }) => days <= 364);
  const again =
    second && year
      ? `Of those who bought once, <strong>${percent(year.share)}</strong> buy again within ${year.days >= 357 ? 'a year' : `${year.days} days`}${
          second.medianDays === null ? '' : `, half of all within ${second.medianDays} days`
        }. `
      : 'Nobody has bought yet. ';
  return tenth?.share == null || gini === null
    ? again
    : `${again}The best tenth of the customers hold <strong>${percent(tenth.share)}</strong> of what was spent.`;
}

function repeatSection(steps: readonly RepeatStep[]): string {
  if (steps.length === 0) return '';
  const shown = steps.slice(0, shownSteps);
  const legend = legendOf(Object.fromEntries(shown.map(({ purchase }) => [`step${purchase}`, nameOf(purchase)])));
  const rows = steps.map(({ purchase, customers, bought, medianDays, curve }) => {
    const within = (days: number) => {
      const point = curve.findLast((one) => one.days <= days);
      // Where nobody was seen for so long, nothing is known.
      return point === undefined || point.days < days - 27 ? '–' : percent(point.share);
    };
    const cells = [
      whole(customers),
      whole(bought),
      within(28),
      within(91),
      within(182),
      within(364),
      medianDays ?? '–',
    ];
    return `<tr><th scope="row">${nameOf(purchase)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `${figure({
    title: 'How soon they buy again',
    legend,
    svg: repeatPlot(steps),
    caption:
      'The share that has made the next purchase so long after the one before it, by Kaplan and Meier: whose time is not over yet counts for as long as it has lasted. A curve ends where fewer than five were seen for so long.',
  })}
<div class="scroll"><table>
<thead><tr><th scope="col"></th><th scope="col">made the one before</th><th scope="col">have made it</th><th scope="col">in 4 weeks</th><th scope="col">13 weeks</th><th scope="col">26 weeks</th><th scope="col">a year</th><th scope="col">half, in days</th></tr></thead>
<tbody>${rows.join('')}</tbody>
</table></div>`;
}

function retentionSection(retention: Retention): string {
  const { cohorts, lastMonth, earlier } = retention;
  if (cohorts.every(({ returned }) => returned.length === 0)) return '';
  const before = earlier > 0 ? ` ${whole(earlier)} customers first bought longer ago than that.` : '';
  return figure({
    title: 'Who comes back, month by month',
    legend: legendOf({ back: 'bought again, % of the cohort', open: `${monthName(lastMonth)}, which is not over` }),
    svg: retentionGrid(retention),
    caption: `Customers by the month of their first purchase, and how many percent of them bought in each month after it; the last two years.${before}`,
  });
}

function concentrationSection(concentration: Concentration): string {
  const { customers, spent, gini, windowDays } = concentration;
  if (gini === null) return '';
  const window = windowDays === null ? 'of all time' : `of the last ${whole(windowDays)} days`;
  return `<div class="pair">
${figure({
  title: 'Who holds the value',
  legend: '',
  svg: bestPlot(concentration),
  caption: `Purchases ${window}: ${whole(Number(spent.amount))} ${spent.currency} by ${whole(customers)} customers.`,
})}
${figure({
  title: 'How unequal it is',
  legend: legendOf({ step2: 'as it is', chance: 'if all spent the same' }),
  svg: lorenzPlot(concentration),
  caption: `Gini coefficient ${gini.toFixed(2)}: 0 where all spend the same, 1 where one spends everything.`,
})}
</div>`;
}

function migrationSection(migration: TierMigration | null, dayOf: (at: string) => string): string {
  if (!migration) return '<p class="quiet">Moves between tiers are shown from the second value run on.</p>';
  const { from, to, moves } = migration;
  const { rose, fell, stayed, joined, left, otherwise } = moves;
  const more = [
    ...(joined > 0 ? [`${whole(joined)} joined`] : []),
    ...(left > 0 ? [`${whole(left)} left, merged into others`] : []),
    ...(otherwise > 0 ? [`${whole(otherwise)} went to or from a tier that no longer is one`] : []),
  ];
  const sum = `${whole(rose)} rose, ${whole(fell)} fell, ${whole(stayed)} stayed${more.length > 0 ? `; ${more.join(', ')}` : ''}.`;
  return figure({
    title: 'Moves between tiers',
    legend: legendOf({ back: 'rose', down: 'fell', same: 'stayed', open: 'joined or left' }),
    svg: migrationGrid(migration),
    caption: `From ${dayOf(from.asOf)} (rows) to ${dayOf(to.asOf)} (columns): ${sum}`,
  });
}
