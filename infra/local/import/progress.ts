export interface Counts {
  recorded: number;
  duplicates: number;
  ignored: number;
  failed: number;
}

/** Where progress is shown. */
export interface Screen {
  isTTY?: boolean;
  write(text: string): unknown;
}

const between = 5_000;

/** A bar that moves on a terminal; elsewhere a line every five seconds, and at the end. */
export function progressOn(screen: Screen) {
  const begun = performance.now();
  let shownAt = 0;
  let open = false;
  return {
    show(done: number, counts: Counts, isLast = false): void {
      const share = Math.min(100, Math.floor(done * 100));
      const text = `${String(share).padStart(3)} %  ${described(counts)}  ${rateOf(counts, begun)}`;
      if (screen.isTTY) {
        const filled = Math.round((share / 100) * 24);
        screen.write(`\r  [${'█'.repeat(filled)}${'·'.repeat(24 - filled)}] ${text} `);
        open = true;
      } else if (isLast || performance.now() - shownAt >= between) {
        shownAt = performance.now();
        screen.write(`${text}\n`);
      }
    },
    end(): void {
      if (open) screen.write('\n');
      open = false;
    },
  };
}

export function described({ recorded, duplicates, ignored, failed }: Counts): string {
  const number = (count: number) => count.toLocaleString('en-US');
  return [
    `${number(recorded)} recorded`,
    `${number(duplicates)} known already`,
    ...(ignored > 0 ? [`${number(ignored)} passed over`] : []),
    ...(failed > 0 ? [`${number(failed)} failed`] : []),
  ].join(', ');
}

function rateOf({ recorded, duplicates, ignored, failed }: Counts, begun: number): string {
  const seconds = Math.max(0.001, (performance.now() - begun) / 1000);
  return `${Math.round((recorded + duplicates + ignored + failed) / seconds).toLocaleString('en-US')} a second`;
}
