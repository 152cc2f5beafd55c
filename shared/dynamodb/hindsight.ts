import { personsOf } from '../domain/merge.ts';
import { causesIn } from '../domain/rehearsal.ts';
import type { Hindsight } from '../engine/rehearse-segment.ts';
import { longestUnderWay } from '../engine/value-run.ts';
import type { Client, TableNames } from './client.ts';
import { readCustomer } from './customer-reads.ts';
import { mergesOf } from './merge-reads.ts';
import { linesOf } from './past.ts';

/** Looks up what happened to single customers since a run: for the few of whom a replay makes something else. */
export function hindsightStore(
  client: Client,
  { customers, ledger }: Pick<TableNames, 'customers' | 'ledger'>,
): Hindsight {
  return {
    async causesSince(run, customerId) {
      const customer = await readCustomer(client, customers, customerId);
      if (!customer) return [];
      const merges = await Promise.all(personsOf(customer).map((person) => mergesOf(client, ledger, person)));
      const moved = merges.flat().some(({ kind, at }) => kind !== 'confirmed' && at > run.knownBy);
      const { lines } = await linesOf(client, ledger, customer);
      return [...(moved ? (['merged'] as const) : []), ...causesIn(lines, run, longestUnderWay)];
    },
  };
}
