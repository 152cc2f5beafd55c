import { daysKnown } from '../domain/as-of.ts';
import { calendarOf } from '../domain/calendar.ts';
import type { Customer } from '../domain/customer.ts';
import type { Interaction } from '../domain/interaction.ts';
import { personsOf } from '../domain/merge.ts';
import type { PurchaseDays } from '../domain/purchase-days.ts';
import type { ValueRun } from '../domain/value-run.ts';
import { type Client, pageSize } from './client.ts';
import { interactionKey } from './keys.ts';
import { readInteraction } from './order-item.ts';

/** A customer's purchases by day, from the ledgers of all its persons, as far as a run may know them. */
export async function daysFromLedger(
  client: Client,
  ledger: string,
  customer: Customer,
  { knownBy, timeZone, currency }: ValueRun,
): Promise<{ days: PurchaseDays; units: number }> {
  const lines: Interaction[] = [];
  let units = 0;
  for (const person of personsOf(customer)) {
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.query({
        TableName: ledger,
        KeyConditionExpression: 'pk = :person',
        FilterExpression: '#type IN (:order, :refund, :cancellation)',
        ExpressionAttributeNames: { '#type': 'type' },
        ExpressionAttributeValues: {
          ':person': interactionKey(person, '', '').pk,
          ':order': 'order',
          ':refund': 'refund',
          ':cancellation': 'cancellation',
        },
        ConsistentRead: true,
        Limit: pageSize,
        ReturnConsumedCapacity: 'TOTAL',
        ...(start && { ExclusiveStartKey: start }),
      });
      lines.push(...(page.Items ?? []).map(readInteraction));
      units += page.ConsumedCapacity?.CapacityUnits ?? 0;
      start = page.LastEvaluatedKey;
    } while (start);
  }
  return { days: daysKnown(lines, { knownBy, currency, calendar: calendarOf(timeZone) }), units };
}
