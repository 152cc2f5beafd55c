/** One line of the table of bounds, as it was measured. */
export interface Figure {
  name: FigureName;
  what: string;
  bound: string;
  measured: string;
  /** What it is compared with, measured in the same run. */
  comparedWith: string;
  over: boolean;
  /** What is not as it must be, whatever the machine: then the bench fails. */
  wrong?: string[];
  /** How it comes about, line by line; shown below the table. */
  lines?: string[];
  values: Record<string, number | Record<string, number>>;
}

export const figureNames = [
  'checkout',
  'load',
  'storefronts',
  'night',
  'cost',
  'memory',
  'fit',
  'models',
  'function',
] as const;
export type FigureName = (typeof figureNames)[number];

export interface Bench {
  /** Small sizes: to see that it runs, not to compare. */
  quick: boolean;
  /** A folder on disk for everything that the figures need; it goes afterwards. */
  folder: string;
  /** A line for whoever waits. */
  say(line: string): void;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 0 ? ((sorted[middle - 1] ?? upper) + upper) / 2 : upper;
}

export function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** `0.53` */
export function rounded(number: number, places = 2): number {
  return Math.round(number * 10 ** places) / 10 ** places;
}

export function shown(number: number): string {
  return number.toLocaleString('en-US', { maximumFractionDigits: number < 10 ? 2 : number < 100 ? 1 : 0 });
}
