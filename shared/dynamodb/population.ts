import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Consent } from '../domain/consent.ts';
import type { Customer, Standing } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import { type Scores, scoreNames } from '../domain/rfm.ts';
import type { ValueRun } from '../domain/value-run.ts';
import type { AssignedPopulation, Candidate, Change } from '../engine/assign-segment.ts';
import type { MeasuredPopulation, Page, Segment } from '../engine/measure-segment.ts';
import { inBatches } from './batches.ts';
import type { Client, TableNames } from './client.ts';
import { customerOf, isStubItem, isTombstoneItem, type StoredItem } from './customer-item.ts';
import { scanCustomers } from './customer-scan.ts';
import { readContacts, readDays, readSales } from './days-text.ts';
import { pastFromLedger } from './past.ts';
import { standingsAround } from './value-reads.ts';

type Attributes = Record<string, AttributeValue>;

const measured = ['customerId', 'live', 'purchaseCount', 'days', 'sales', 'contacts', 'waiting', 'updatedAt'];
const assigned = [...measured, 'version', 'standing'];

/** So many customers are looked up in the ledger at once. */
const lookUps = 8;

/**
 * The customers as the night sees them: in pages of few attributes, and by conditional writes of their standing. Of
 * those that changed after what the run may know, and of all in a replay, the ledger says how they were.
 */
export function populationStore(
  client: Client,
  { customers, ledger }: Pick<TableNames, 'customers' | 'ledger'>,
): MeasuredPopulation & AssignedPopulation {
  return {
    measurePage: (run, segment, cursor) => scan(run, segment, cursor, measured),
    assignPage: (run, segment, cursor) => scan(run, segment, cursor, assigned),
    readAgain: (run, customerIds) => asKnown(run, customerIds),

    async writeStandings(changes, now) {
      const conflicts: string[] = [];
      let units = 0;
      await inBatches(changes, async (batch) => {
        const answer = await client.batchExecuteStatement({
          Statements: batch.map((change) => statement(customers, change, now)),
          ReturnConsumedCapacity: 'TOTAL',
        });
        units += total(answer.ConsumedCapacity);
        return batch.filter(({ customerId }, index) => {
          const error = answer.Responses?.[index]?.Error;
          if (error?.Code === 'ConditionalCheckFailed') conflicts.push(customerId);
          else if (error && !passing.has(error.Code ?? ''))
            throw new Error(`a standing was refused: ${error.Code} ${error.Message}`);
          return error !== undefined && error.Code !== 'ConditionalCheckFailed';
        });
      });
      return { conflicts, units };
    },
  };

  async function scan(
    run: ValueRun,
    place: Segment,
    cursor: string | undefined,
    attributes: string[],
  ): Promise<Page<Candidate>> {
    const { items, next, units } = await scanCustomers(client, customers, place, { cursor, attributes });
    const late = items.filter(({ updatedAt }) => needsLedger(run, updatedAt?.S ?? ''));
    const known = await asKnown(
      run,
      late.map(({ customerId }) => customerId?.S ?? ''),
    );
    const lateIds = new Set(late);
    return {
      rows: [...items.filter((item) => !lateIds.has(item)).map(candidate), ...known.rows],
      ...(next !== undefined && { cursor: next }),
      units: units + known.units,
    };
  }

  /** Customers as they are now, with their purchases as they were when the run began. */
  async function asKnown(run: ValueRun, customerIds: readonly string[]): Promise<{ rows: Candidate[]; units: number }> {
    const found: Customer[] = [];
    let units = 0;
    await inBatches(customerIds, async (batch) => {
      const answer = await client.batchGet({
        RequestItems: { [customers]: { Keys: batch.map((customerId) => ({ customerId })), ConsistentRead: true } },
        ReturnConsumedCapacity: 'TOTAL',
      });
      // Who was merged into another or erased meanwhile is none.
      for (const item of (answer.Responses?.[customers] ?? []) as unknown as StoredItem[])
        if (!isStubItem(item) && !isTombstoneItem(item)) found.push(customerOf(item));
      units += total(answer.ConsumedCapacity);
      return (answer.UnprocessedKeys?.[customers]?.Keys ?? []).map(({ customerId }) => customerId);
    });
    const rows: Candidate[] = [];
    const worker = async () => {
      for (let customer = found.pop(); customer; customer = found.pop()) {
        const row = await rowOf(run, customer);
        units += row.units;
        rows.push(row.candidate);
      }
    };
    await Promise.all(Array.from({ length: Math.min(lookUps, found.length) }, worker));
    return { rows, units };
  }

  async function rowOf(run: ValueRun, customer: Customer): Promise<{ candidate: Candidate; units: number }> {
    const { id: customerId, version, live, createdAt, updatedAt, facts, contacts, waiting, standing } = customer;
    const { rehearsal, asOf } = run;
    const { past, units } = needsLedger(run, updatedAt)
      ? await pastFromLedger(client, ledger, customer, run)
      : { past: { ...facts, contacts, live, waits: Object.keys(waiting).length > 0 }, units: 0 };
    const { around, units: forReceipts } =
      rehearsal?.kind === 'replay'
        ? await standingsAround(client, ledger, { customerId, runId: standing?.runId }, { runId: rehearsal.of, asOf })
        : { units: 0 };
    const isWaiting = past.days.length === 0 && past.waits;
    // That a shop told of a person is no line of the ledger: whoever was judged was told of.
    const wasLive = !around || past.live || around.judged !== undefined;
    const waits = Object.entries(waiting).map(([currency, { purchaseCount }]) => [currency, purchaseCount] as const);
    const candidate: Candidate = {
      customerId,
      version,
      counts: live && wasLive && createdAt <= run.knownBy && !isWaiting,
      days: past.days,
      sales: () => past.sales,
      contacts: () => past.contacts,
      ...(waits.length > 0 && { waiting: Object.fromEntries(waits.filter(([, count]) => count !== 0)) }),
      ...(around ?? (standing && { standing })),
    };
    return { candidate, units: units + forReceipts };
  }
}

/** Whether the customer's own item may say more than the run may know. */
function needsLedger({ rehearsal, knownBy }: ValueRun, updatedAt: Instant): boolean {
  return rehearsal?.kind === 'replay' || updatedAt > knownBy;
}

/** Errors of a statement that pass: the statement is tried again. Writing twice does no harm, the version has moved on. */
const passing = new Set([
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
  'InternalServerError',
]);

/**
 * PartiQL, because no other call takes many conditional updates at once, each at the price of a plain write. An UPDATE
 * never creates: a deleted customer fails the condition as one of another version does.
 */
function statement(customers: string, { customerId, version, standing }: Change, now: Instant) {
  return {
    Statement:
      `UPDATE "${customers}" SET "standing" = ?, "version" = ?, "updatedAt" = ? ` +
      'WHERE "customerId" = ? AND "version" = ?',
    Parameters: [standing, version + 1, now, customerId, version],
  };
}

function total(consumed: { CapacityUnits?: number | undefined }[] | undefined): number {
  return (consumed ?? []).reduce((sum, { CapacityUnits }) => sum + (CapacityUnits ?? 0), 0);
}

function candidate(item: Attributes): Candidate {
  const waiting = item.waiting?.M;
  return {
    customerId: item.customerId?.S ?? '',
    version: Number(item.version?.N ?? 0),
    counts: item.live?.BOOL === true && !(Number(item.purchaseCount?.N ?? 0) === 0 && waiting),
    days: readDays(item.days?.S ?? ''),
    sales: () => readSales(item.sales?.S ?? ''),
    contacts: () => readContacts(item.contacts?.S ?? ''),
    ...(waiting && { waiting: purchasesIn(waiting) }),
    ...(item.standing?.M && { standing: standingOf(item.standing.M) }),
  };
}

function purchasesIn(waiting: Attributes): Record<string, number> {
  const counts = Object.entries(waiting).map(([currency, facts]) => [currency, Number(facts.M?.purchaseCount?.N ?? 0)]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

function standingOf({
  tier,
  previousTier,
  group,
  scores,
  runId,
  since,
  fallingSince,
  fallingFrom,
  limitedTo,
}: Attributes): Standing {
  return {
    tier: tier?.S ?? '',
    previousTier: previousTier?.S ?? null,
    group: group?.S ?? '',
    ...(scores?.M && { scores: scoresIn(scores.M) }),
    runId: runId?.S ?? '',
    since: since?.S ?? '',
    ...(fallingSince?.S && { fallingSince: fallingSince.S }),
    ...(fallingFrom?.M && { fallingFrom: scoresIn(fallingFrom.M) }),
    ...(limitedTo?.L && { limitedTo: limitedTo.L.map(({ S }) => S as Consent['channel']) }),
  };
}

function scoresIn(attributes: Attributes): Scores {
  const found = scoreNames.flatMap((name) => (attributes[name]?.N ? [[name, Number(attributes[name].N)]] : []));
  return Object.fromEntries(found) as Scores;
}
