import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { type Instant, instantOf } from '../domain/instant.ts';
import { type Client, storeFault } from './client.ts';
import { clockKey } from './keys.ts';

export interface ClockReading {
  at: Instant;
  /** True where the test clock holds this time; false while real time runs. */
  held: boolean;
}

/**
 * The one clock at the door: real time or, on a test stage where the test clock is set, the time that it holds.
 * @throws Problem `store_unavailable` where a test stage's clock cannot be read
 */
export async function readClock(stage: {
  testStage: boolean;
  client: Client;
  registry: string;
}): Promise<ClockReading> {
  const held = stage.testStage ? await readTestClock(stage.client, stage.registry) : undefined;
  return held ? { at: held, held: true } : { at: systemTime(), held: false };
}

export function systemTime(): Instant {
  return instantOf(Date.now());
}

/** The time that the test clock holds; nothing while real time runs. */
export async function readTestClock(client: Client, registry: string): Promise<Instant | undefined> {
  try {
    const { Item } = await client.send(new GetCommand({ TableName: registry, Key: clockKey, ConsistentRead: true }));
    return Item?.now;
  } catch (error) {
    throw storeFault(error);
  }
}
