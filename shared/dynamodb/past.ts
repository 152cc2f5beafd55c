import { type Past, pastKnown } from '../domain/as-of.ts';
import { calendarOf } from '../domain/calendar.ts';
import type { Customer } from '../domain/customer.ts';
import { conversationTypes, type Interaction } from '../domain/interaction.ts';
import { personsOf } from '../domain/merge.ts';
import type { ValueRun } from '../domain/value-run.ts';
import { type Client, pageSize } from './client.ts';
import { interactionKey } from './keys.ts';
import { readInteraction } from './order-item.ts';

/** A value for each type of conversation. */
const conversations = Object.fromEntries(conversationTypes.map((type) => [`:${type}`, type]));

/** What a night looks at of a customer, from the ledgers of all its persons, as far as a run may know them. */
export async function pastFromLedger(
  client: Client,
  ledger: string,
  customer: Customer,
  { knownBy, timeZone, currency }: ValueRun,
): Promise<{ past: Past; units: number }> {
  const { lines, units } = await linesOf(client, ledger, customer);
  return { past: pastKnown(lines, { knownBy, currency, calendar: calendarOf(timeZone) }), units };
}

/** Sales and conversations of all persons of a customer. */
export async function linesOf(
  client: Client,
  ledger: string,
  customer: Customer,
): Promise<{ lines: Interaction[]; units: number }> {
  const lines: Interaction[] = [];
  let units = 0;
  for (const person of personsOf(customer)) {
    let start: Record<string, unknown> | undefined;
    do {
      const page = await client.query({
        TableName: ledger,
        KeyConditionExpression: 'pk = :person',
        FilterExpression: `#type IN (:order, :refund, :cancellation, ${Object.keys(conversations).join(', ')})`,
        ExpressionAttributeNames: { '#type': 'type' },
        ExpressionAttributeValues: {
          ':person': interactionKey(person, '', '').pk,
          ':order': 'order',
          ':refund': 'refund',
          ':cancellation': 'cancellation',
          ...conversations,
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
  return { lines, units };
}
