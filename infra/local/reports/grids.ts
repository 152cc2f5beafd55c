import { escaped } from '../page/plot.ts';
import { monthName, percent, whole } from '../page/text.ts';
import type { Retention, TierMigration } from './answers.ts';

/** So many cohorts, and months after them, are shown: the latest. */
const mostMonths = 24;

/** A grid of cells with one line of text each, and names beside rows and above columns. */
interface Grid {
  rows: readonly { name: string; cells: readonly (Cell | null)[] }[];
  columns: readonly string[];
  /** What rows and columns are. */
  corner: string;
  /** Width of the names of rows. */
  names: number;
  title: string;
}

interface Cell {
  text: string;
  tip: string;
  kind: string;
  /** 0 to 1: how strongly it is coloured. */
  weight: number;
}

const width = 860;
const rowHeight = 24;

function grid({ rows, columns, corner, names, title }: Grid, height = rowHeight): string {
  const top = 26;
  const cellWidth = (width - names) / Math.max(1, columns.length);
  const size = `width="${(cellWidth - 2).toFixed(1)}" height="${height - 2}"`;
  const middle = (column: number) => (names + (column + 0.5) * cellWidth - 1).toFixed(1);
  const head = columns.map(
    (name, column) => `<text x="${middle(column)}" y="${top - 9}" text-anchor="middle">${escaped(name)}</text>`,
  );
  const body = rows.map(({ name, cells }, row) => {
    const y = top + row * height;
    const shown = cells.map((cell, column) => {
      if (!cell) return '';
      const { text, tip, kind, weight } = cell;
      const opacity = weight === 0 ? 0.06 : 0.14 + 0.86 * weight;
      return (
        `<g><title>${escaped(tip)}</title>` +
        `<rect class="cell ${kind}" x="${(names + column * cellWidth).toFixed(1)}" y="${y}" ${size} rx="3" fill-opacity="${opacity.toFixed(3)}"/>` +
        `<text class="${opacity > 0.55 ? 'strong' : 'faint'}" x="${middle(column)}" y="${y + height / 2 + 3}" text-anchor="middle">${escaped(text)}</text></g>`
      );
    });
    return `<text x="${names - 10}" y="${y + height / 2 + 3}" text-anchor="end">${escaped(name)}</text>${shown.join('')}`;
  });
  return (
    `<svg class="grid-of-cells" viewBox="0 0 ${width} ${top + rows.length * height}" role="img" aria-label="${escaped(title)}">` +
    `<text x="${names - 10}" y="${top - 9}" text-anchor="end" class="note">${escaped(corner)}</text>` +
    `${head.join('')}${body.join('')}</svg>`
  );
}

/** Which share of a cohort bought in each later month. */
export function retentionGrid({ cohorts }: Retention): string {
  const latest = cohorts.slice(-mostMonths);
  const months = Math.min(mostMonths, Math.max(1, ...latest.map(({ returned }) => returned.length)));
  const shares = latest.flatMap(({ customers, returned }) =>
    customers === 0 ? [] : returned.slice(0, months).map((count) => count / customers),
  );
  // One lucky month of a tiny cohort should not fade all others.
  const strongest = shares.toSorted((a, b) => a - b)[Math.floor(shares.length * 0.97)] || 1;
  return grid({
    corner: 'first bought',
    names: 128,
    title: 'Share of each cohort that bought again, by months after the first purchase',
    columns: Array.from({ length: months }, (_, index) => `+${index + 1}`),
    rows: latest.map(({ month, customers, returned }) => ({
      name: `${monthName(month)} · ${whole(customers)}`,
      cells: returned.slice(0, months).map((count, index): Cell | null => {
        if (customers === 0) return null;
        const share = count / customers;
        return {
          text: String(Math.round(share * 100)),
          tip: `${monthName(month)}, ${index + 1} months later: ${whole(count)} of ${whole(customers)} (${percent(share)})`,
          kind: index === returned.length - 1 ? 'open' : 'back',
          weight: Math.min(1, share / strongest),
        };
      }),
    })),
  });
}

const none = 'none';

/** Customers by the tier before and the tier after. */
export function migrationGrid({ tiers, migrations }: TierMigration): string {
  const seen = new Set([...Object.keys(migrations), ...Object.values(migrations).flatMap(Object.keys)]);
  const others = [...seen].filter((tier) => tier !== none && !tiers.includes(tier)).sort();
  const all = [...tiers, ...others].filter((tier) => seen.has(tier));
  const before = [...all, ...(Object.hasOwn(migrations, none) ? [none] : [])];
  const someLeft = Object.values(migrations).some((row) => Object.hasOwn(row, none));
  const after = [...all, ...(someLeft ? [none] : [])];
  const count = (from: string, to: string) =>
    (Object.hasOwn(migrations, from) && Object.hasOwn(migrations[from] ?? {}, to) && migrations[from]?.[to]) || 0;
  return grid(
    {
      corner: 'before ↓   after →',
      names: 150,
      title: 'Customers by the tier before and the tier after',
      columns: after.map((tier) => (tier === none ? 'left' : tier)),
      rows: before.map((from) => {
        const total = after.reduce((sum, to) => sum + count(from, to), 0);
        return {
          name: `${from === none ? 'joined' : from} · ${whole(total)}`,
          cells: after.map((to): Cell | null => {
            const customers = count(from, to);
            if (from === none && to === none) return null;
            const share = total === 0 ? 0 : customers / total;
            return {
              text: customers === 0 ? '·' : whole(customers),
              tip: `from ${from} to ${to}: ${whole(customers)} of ${whole(total)} (${percent(share)})`,
              kind: kindOf(from, to, all),
              // Roots, so that the few who move are seen beside the many who stay.
              weight: Math.sqrt(share),
            };
          }),
        };
      }),
    },
    34,
  );
}

function kindOf(from: string, to: string, tiers: readonly string[]): string {
  if (from === to) return 'same';
  if (from === none || to === none) return 'open';
  return tiers.indexOf(to) < tiers.indexOf(from) ? 'back' : 'down';
}
