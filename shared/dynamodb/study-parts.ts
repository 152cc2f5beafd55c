import type { BeforeCounts } from '../domain/models/backtest-counts.ts';
import type { BacktestTally } from '../domain/models/backtest-tally.ts';
import type { NestedSums } from '../domain/models/nested-sums.ts';
import type { TierMigration } from '../domain/reports/tier-migration.ts';
import type { Parts } from '../engine/value-run.ts';
import type { WalkPart } from '../engine/walk-segment.ts';
import { type PartPlaces, partStore } from './value-run-parts.ts';

/** What the first pass of a backtest counts. */
export function backtestCounts(places: PartPlaces): Parts<WalkPart<BeforeCounts>> {
  return partStore(places, 'measure', {
    write: ({ state, ...part }: WalkPart<BeforeCounts>) => ({
      ...part,
      histories: plain(state.histories),
      spend: plain(state.spend),
    }),
    read: ({ histories, spend, ...part }) => ({
      ...part,
      state: { histories: nested(histories), spend: nested(spend) },
    }),
  });
}

/** What the second pass of a backtest compares. */
export function backtestTallies(places: PartPlaces): Parts<WalkPart<BacktestTally>> {
  return partStore(places, 'assign', {
    write: ({ state: { arrivals, repeats, alike, spent, expectedSpend, forecasts, ...tally }, ...part }: Compared) => ({
      part,
      tally,
      arrivals: [...arrivals],
      repeats: [...repeats],
      alike: plain(alike),
      spent: String(spent),
      expectedSpend: String(expectedSpend),
      forecasts: mapped(forecasts, ({ byCount, ranks, ...sums }) => ({
        byCount,
        ranks: plain(ranks),
        sums: mapped(sums, String),
      })),
    }),
    read: ({ part, tally, arrivals, repeats, alike, spent, expectedSpend, forecasts }) => ({
      ...part,
      state: {
        ...tally,
        arrivals: new Map(arrivals),
        repeats: new Map(repeats),
        alike: nested(alike),
        spent: BigInt(spent),
        expectedSpend: BigInt(expectedSpend),
        forecasts: mapped(forecasts, ({ byCount, ranks, sums }) => ({
          byCount,
          ranks: nested(ranks),
          ...mapped(sums, BigInt),
        })),
      },
    }),
  });
}

type Compared = WalkPart<BacktestTally>;

/** Who moved from which tier to which. */
export function migrationParts(places: PartPlaces): Parts<WalkPart<TierMigration>> {
  const form = { write: (part: WalkPart<TierMigration>) => part, read: (part: WalkPart<TierMigration>) => part };
  return partStore(places, 'measure', form);
}

interface PlainSums {
  level: number;
  sums: [number, number[]][];
}

function plain({ level, sums }: NestedSums): PlainSums {
  return { level, sums: [...sums].sort(([one], [other]) => one - other) };
}

function nested({ level, sums }: PlainSums): NestedSums {
  return { level, sums: new Map(sums) };
}

function mapped<Name extends string, From, To>(values: Record<Name, From>, to: (value: From) => To): Record<Name, To> {
  const entries = Object.entries<From>(values).map(([name, value]) => [name, to(value)]);
  return Object.fromEntries(entries) as Record<Name, To>;
}
