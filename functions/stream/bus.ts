import { setTimeout as wait } from 'node:timers/promises';
import { type EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { type EventDetails, type EventType, eventSource } from '../../shared/contracts/events.ts';

/** An event as the bus and everyone behind it knows it. */
export type BusEvent = { [Type in EventType]: { type: Type; detail: EventDetails[Type] } }[EventType];

/** EventBridge takes at most 10 entries in one call; with details of identifiers alone its 256 kB are never in sight. */
const entriesPerCall = 10;

/** Waits before each further try of the entries that failed, in milliseconds, each of them at least halved by chance. */
const pauses = [100, 400, 1600];

/**
 * Puts events on the bus in order, and stops where some cannot be put.
 * @returns the position of the first event that is not on the bus; events behind it may be; nothing where all are
 */
export async function putEvents(
  client: EventBridgeClient,
  bus: string,
  events: readonly BusEvent[],
): Promise<{ position: number; reason: string } | undefined> {
  for (let start = 0; start < events.length; start += entriesPerCall) {
    const failed = await putCall(client, bus, events.slice(start, start + entriesPerCall));
    if (failed) return { ...failed, position: start + failed.position };
  }
  return undefined;
}

interface Waiting {
  entry: PutEventsRequestEntry;
  position: number;
}

async function putCall(client: EventBridgeClient, bus: string, events: readonly BusEvent[]) {
  let waiting: Waiting[] = events.map(({ type, detail }, position) => ({
    position,
    entry: { EventBusName: bus, Source: eventSource, DetailType: type, Detail: JSON.stringify(detail) },
  }));
  let reason = '';
  for (const pause of [0, ...pauses]) {
    if (pause > 0) await wait(pause * (0.5 + Math.random() / 2));
    const failures = await tryCall(client, waiting);
    waiting = failures.map((failure) => failure.waiting);
    reason = failures[0]?.reason ?? '';
    if (waiting.length === 0) return undefined;
  }
  return { position: waiting[0]?.position ?? 0, reason };
}

/** The entries that the bus did not take. A call that fails as a whole may have put some: consumers know repetitions. */
async function tryCall(client: EventBridgeClient, waiting: Waiting[]): Promise<{ waiting: Waiting; reason: string }[]> {
  try {
    const { FailedEntryCount, Entries } = await client.send(
      new PutEventsCommand({ Entries: waiting.map(({ entry }) => entry) }),
    );
    if (FailedEntryCount === 0) return [];
    return waiting.flatMap((one, i) => {
      const answer = Entries?.[i];
      return answer?.EventId ? [] : [{ waiting: one, reason: answer?.ErrorCode ?? 'no_answer' }];
    });
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown';
    return waiting.map((one) => ({ waiting: one, reason }));
  }
}
