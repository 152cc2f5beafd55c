import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { changeOf } from '../../shared/dynamodb/stream-change.ts';
import { type Event, eventsOf } from '../../shared/engine/publish.ts';
import { type BusEvent, putEvents } from './bus.ts';

const environment = readVariables(process.env, [variables.bus]);
const client = new EventBridgeClient({});

/**
 * Tells the bus what the tables' streams show. What cannot be told is answered as a failure from its first record on,
 * so that the stream comes again from there. Events come at least once and in no promised order: consumers read the state.
 */
export async function handler({ Records }: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const told = Records.flatMap((record) => busEventsOf(record).map((event) => ({ record, event })));
  const failed = await putEvents(
    client,
    environment[variables.bus],
    told.map(({ event }) => event),
  );
  if (!failed) return { batchItemFailures: [] };
  const sequenceNumber = told[failed.position]?.record.dynamodb?.SequenceNumber ?? '';
  console.error(JSON.stringify({ message: 'events wait for the bus', reason: failed.reason, sequenceNumber }));
  return { batchItemFailures: [{ itemIdentifier: sequenceNumber }] };
}

function busEventsOf(record: DynamoDBRecord): BusEvent[] {
  const change = changeOf(record);
  const events: Event[] = change ? eventsOf(change) : [];
  return events;
}
