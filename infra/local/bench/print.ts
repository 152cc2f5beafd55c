import type { Figure } from './figure.ts';

export interface Report {
  node: string;
  processors: number;
  load: { before: number; after: number };
  quick: boolean;
  seconds: number;
  figures: readonly Figure[];
}

/** The table, for a person: what does not fit into a column goes on below. */
export function printFigures(report: Report, say: (line: string) => void): void {
  const { figures, node, processors, load } = report;
  const columns: [keyof Figure | 'verdict', number][] = [
    ['name', 11],
    ['what', 30],
    ['bound', 28],
    ['measured', 34],
    ['comparedWith', 44],
    ['verdict', 7],
  ];
  const row = (cells: string[]) => {
    const wrapped = cells.map((cell, index) => wrap(cell, columns[index]?.[1] ?? 20));
    const height = Math.max(...wrapped.map((lines) => lines.length));
    for (let line = 0; line < height; line++)
      say(
        wrapped
          .map((lines, index) => (lines[line] ?? '').padEnd(columns[index]?.[1] ?? 20))
          .join('  ')
          .trimEnd(),
      );
  };
  const rule = columns.map(([, width]) => '─'.repeat(width)).join('  ');
  say('');
  row(['figure', 'what', 'bound', 'measured', 'in the same run', '']);
  say(rule);
  for (const figure of figures) {
    const { name, what, bound, measured, comparedWith, over } = figure;
    row([name, what, bound, measured, comparedWith, over ? '✗ OVER' : 'ok']);
    say(rule);
  }
  for (const { what, lines = [] } of figures) {
    if (lines.length === 0) continue;
    say(`${what}:`);
    for (const line of lines) say(line);
    say(rule);
  }
  const over = figures.filter((figure) => figure.over).length;
  say(
    `Node ${node}, ${processors} processors; load of the machine ${load.before.toFixed(1)} before and ` +
      `${load.after.toFixed(1)} at the end; ${report.seconds} s. ` +
      `${over === 0 ? 'Every figure is within its bound.' : `${over} over the bound.`}`,
  );
  if (report.quick) say('Sizes are small (--quick): these figures say that it runs, not how fast.');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
