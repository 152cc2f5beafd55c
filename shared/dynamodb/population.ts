import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { Standing } from '../domain/customer.ts';
import type { Instant } from '../domain/instant.ts';
import type { AssignedPopulation, Candidate, Change } from '../engine/assign-segment.ts';
import type { MeasuredPopulation, MeasuredRow, Page, Segment } from '../engine/measure-segment.ts';
import { inBatches } from './batches.ts';
import { type Client, pageSize } from './client.ts';
import { type CustomerItem, isStubItem, type StubItem } from './customer-item.ts';
import { readDays } from './purchase-days-text.ts';

type Attributes = Record<string, AttributeValue>;

const measured = ['live', 'purchaseCount', 'days', 'waiting'];
const assigned = [...measured, 'customerId', 'version', 'standing'];

/** The customers as the night sees them: in pages of few attributes, and by conditional writes of their standing. */
export function populationStore(client: Client, customers: string): MeasuredPopulation & AssignedPopulation {
  return {
    measurePage: (segment, cursor) => scan(segment, cursor, measured, measuredRow),
    assignPage: (segment, cursor) => scan(segment, cursor, assigned, candidate),

    async readAgain(customerIds) {
      const rows: Candidate[] = [];
      let units = 0;
      await inBatches(customerIds, async (batch) => {
        const answer = await client.batchGet({
          RequestItems: {
            [customers]: { Keys: batch.map((customerId) => ({ customerId })), ConsistentRead: true },
          },
          ReturnConsumedCapacity: 'TOTAL',
        });
        for (const item of answer.Responses?.[customers] ?? [])
          rows.push(...candidatesOf(item as CustomerItem | StubItem));
        units += total(answer.ConsumedCapacity);
        return (answer.UnprocessedKeys?.[customers]?.Keys ?? []).map(({ customerId }) => customerId);
      });
      return { rows, units };
    },

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

  async function scan<Row>(
    { segment, of }: Segment,
    cursor: string | undefined,
    attributes: string[],
    read: (item: Attributes) => Row,
  ): Promise<Page<Row>> {
    const answer = await client.scan({
      TableName: customers,
      // The embedded engine reads the whole table for each page of a segment: one segment is asked for as none.
      ...(of > 1 && { Segment: segment, TotalSegments: of }),
      Limit: pageSize,
      ProjectionExpression: attributes.map((name) => `#${name}`).join(', '),
      ExpressionAttributeNames: Object.fromEntries(attributes.map((name) => [`#${name}`, name])),
      ReturnConsumedCapacity: 'TOTAL',
      ...(cursor && { ExclusiveStartKey: { customerId: { S: cursor } } }),
    });
    const next = answer.LastEvaluatedKey?.customerId?.S;
    return {
      rows: (answer.Items ?? []).map(read),
      ...(next !== undefined && { cursor: next }),
      units: answer.ConsumedCapacity?.CapacityUnits ?? 0,
    };
  }
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

function measuredRow(item: Attributes): MeasuredRow {
  const purchaseCount = Number(item.purchaseCount?.N ?? 0);
  const waiting = item.waiting?.M;
  return {
    counts: item.live?.BOOL === true && !(purchaseCount === 0 && waiting),
    days: readDays(item.days?.S ?? ''),
    ...(waiting && { waiting: purchasesIn(waiting) }),
  };
}

function purchasesIn(waiting: Attributes): Record<string, number> {
  const counts = Object.entries(waiting).map(([currency, facts]) => [currency, Number(facts.M?.purchaseCount?.N ?? 0)]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

function candidate(item: Attributes): Candidate {
  return {
    ...measuredRow(item),
    customerId: item.customerId?.S ?? '',
    version: Number(item.version?.N ?? 0),
    ...(item.standing?.M && { standing: standingOf(item.standing.M) }),
  };
}

function standingOf({ tier, previousTier, group, scores, runId, since, fallingSince }: Attributes): Standing {
  const score = (name: string) => Number(scores?.M?.[name]?.N ?? 0);
  return {
    tier: tier?.S ?? '',
    previousTier: previousTier?.S ?? null,
    group: group?.S ?? '',
    ...(scores?.M && {
      scores: { recency: score('recency'), frequency: score('frequency'), monetary: score('monetary') },
    }),
    runId: runId?.S ?? '',
    since: since?.S ?? '',
    ...(fallingSince?.S && { fallingSince: fallingSince.S }),
  };
}

/** Who was merged into another meanwhile is none. */
function candidatesOf(item: CustomerItem | StubItem): Candidate[] {
  if (isStubItem(item)) return [];
  const { customerId, version, live, waiting, standing, days = '' } = item;
  const counts = live && !(item.purchaseCount === 0 && waiting);
  return [{ customerId, version, counts, days: readDays(days), ...(standing && { standing }) }];
}
