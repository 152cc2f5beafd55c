import type { Progress } from './year.ts';

/** A bar that moves on a terminal, one line a month elsewhere. */
export function progressOn(stream: NodeJS.WriteStream): { show(progress: Progress): void; end(): void } {
  let month = '';
  return {
    show({ done, day, deliveries }) {
      const counted = `${deliveries.toLocaleString('en-US')} deliveries`;
      if (stream.isTTY) {
        const width = 32;
        const filled = Math.round(done * width);
        stream.write(`\r  [${'█'.repeat(filled)}${'·'.repeat(width - filled)}] ${day}  ${counted} `);
      } else if (day.slice(0, 7) !== month) {
        month = day.slice(0, 7);
        stream.write(`  ${month}  ${counted}\n`);
      }
    },
    end() {
      if (stream.isTTY) stream.write('\n');
    },
  };
}
