/** Plots as SVG text: no scripts, and colours by class, so that the page decides on light or dark. */
export interface Axes {
  width: number;
  height: number;
  /** From and to, in the unit of the data. */
  x: readonly [number, number];
  y: readonly [number, number];
  xTicks: readonly { at: number; label: string }[];
  yLabel: string;
  xLabel: string;
  /** How a value of the y axis is written. */
  show(value: number): string;
  /** For those who cannot see it. */
  title: string;
}

const margin = { top: 14, right: 14, bottom: 48, left: 68 };

/** Where values lie within the plot. */
export interface Place {
  x(value: number): number;
  y(value: number): number;
}

/** Axes, and what is drawn over them. */
export function plot(axes: Axes, draw: (place: Place) => string): string {
  const { width, height, xTicks, show, title, xLabel, yLabel } = axes;
  const right = width - margin.right;
  const bottom = height - (xLabel === '' ? margin.bottom / 2 : margin.bottom);
  const place: Place = {
    x: (value) => tidy(margin.left + ((value - axes.x[0]) / (axes.x[1] - axes.x[0] || 1)) * (right - margin.left)),
    y: (value) => tidy(bottom - ((value - axes.y[0]) / (axes.y[1] - axes.y[0] || 1)) * (bottom - margin.top)),
  };
  const grid = ticks(axes.y[1]).map((value) => {
    const y = place.y(value);
    return (
      `<line class="grid" x1="${margin.left}" x2="${right}" y1="${y}" y2="${y}"/>` +
      `<text class="tick" x="${margin.left - 8}" y="${y + 4}" text-anchor="end">${escaped(show(value))}</text>`
    );
  });
  const below = xTicks.map(
    ({ at, label }) =>
      `<text class="tick" x="${place.x(at)}" y="${bottom + 18}" text-anchor="middle">${escaped(label)}</text>`,
  );
  const names =
    `<text class="name" x="${tidy((margin.left + right) / 2)}" y="${height - 6}" text-anchor="middle">${escaped(xLabel)}</text>` +
    `<text class="name" transform="translate(13 ${tidy((margin.top + bottom) / 2)}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`;
  const base = `<line class="base" x1="${margin.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>`;
  return (
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">` +
    `${grid.join('')}${below.join('')}${names}${draw(place)}${base}</svg>`
  );
}

export type Point = readonly [x: number, y: number];

export function line(place: Place, points: readonly Point[], kind: string): string {
  const path = points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${place.x(x)} ${place.y(y)}`).join('');
  return `<path class="line ${kind}" d="${path}"/>`;
}

export function bar(
  place: Place,
  [from, to]: readonly [number, number],
  [low, high]: Point,
  kind: string,
  tip: string,
): string {
  const left = place.x(from);
  const top = place.y(high);
  const size = `width="${tidy(place.x(to) - left)}" height="${tidy(Math.max(0, place.y(low) - top))}"`;
  return `<rect class="bar ${kind}" x="${left}" y="${top}" ${size} rx="2"><title>${escaped(tip)}</title></rect>`;
}

export function dot(place: Place, [x, y]: Point, kind: string, tip: string): string {
  return `<circle class="dot ${kind}" cx="${place.x(x)}" cy="${place.y(y)}" r="4.5"><title>${escaped(tip)}</title></circle>`;
}

/** About five round numbers from 0 up to a value. */
export function ticks(most: number): number[] {
  const step = roundStep(most);
  return Array.from({ length: Math.floor(most / step + 1e-9) + 1 }, (_, index) => tidy(index * step, 1e9));
}

/** Where an axis ends that shows values up to this. */
export function ceiling(most: number): number {
  return most > 0 ? most * 1.04 : 1;
}

function roundStep(most: number): number {
  if (!(most > 0)) return 1;
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10) * power;
}

function tidy(value: number, scale = 100): number {
  return Math.round(value * scale) / scale;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
}
