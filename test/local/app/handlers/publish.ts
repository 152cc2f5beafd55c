import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { DynamoDBStreamEvent } from 'aws-lambda';

const bus = new EventBridgeClient({});

export async function handler({ Records }: DynamoDBStreamEvent) {
  if (Records.some((record) => record.dynamodb?.Keys?.id?.S?.startsWith('thing-bad'))) throw new Error('a bad thing');
  const entries = Records.map((record) => ({
    EventBusName: process.env.BUS,
    Source: 'small',
    DetailType: 'Made',
    Detail: JSON.stringify({ id: record.dynamodb?.Keys?.id?.S }),
  }));
  for (let index = 0; index < entries.length; index += 10) {
    const { FailedEntryCount } = await bus.send(new PutEventsCommand({ Entries: entries.slice(index, index + 10) }));
    if (FailedEntryCount) throw new Error('events failed');
  }
  return { batchItemFailures: [] };
}
