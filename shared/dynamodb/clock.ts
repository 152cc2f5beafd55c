import { type Instant, instantOf } from '../domain/instant.ts';
import type { Client } from './client.ts';
import { clockKey } from './keys.ts';
import { sharedRead } from './shared-read.ts';

interface ClockStage {
  testStage: boolean;
  client: Client;
  registry: string;
}

export interface ClockReading {
  at: Instant;
  /** True where the test clock holds this time; false while real time runs. */
  held: boolean;
}

/**
 * The one clock at the door: real time or, on a test stage where the test clock is set, the time that it holds.
 * @throws Problem `store_unavailable` where a test stage's clock cannot be read
 */
export async function readClock(stage: ClockStage): Promise<Instant> {
  return (await lookAtClock(stage)).at;
}

/** As {@link readClock}, saying also whose time it is. */
export async function lookAtClock({ testStage, client, registry }: ClockStage): Promise<ClockReading> {
  const held = testStage ? await readTestClock(client, registry) : undefined;
  return held ? { at: held, held: true } : { at: systemTime(), held: false };
}

export function systemTime(): Instant {
  return instantOf(Date.now());
}

/** The time that the test clock holds; nothing while real time runs. Invocations that come at once share a read. */
export function readTestClock(client: Client, registry: string): Promise<Instant | undefined> {
  let read = reads.get(client);
  if (!read) {
    read = sharedRead((table) => fetchTestClock(client, table));
    reads.set(client, read);
  }
  return read(registry);
}

const reads = new WeakMap<Client, (registry: string) => Promise<Instant | undefined>>();

async function fetchTestClock(client: Client, registry: string): Promise<Instant | undefined> {
  const { Item } = await client.get({ TableName: registry, Key: clockKey, ConsistentRead: true });
  return Item?.now;
}
