import { createHmac } from 'node:crypto';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Instant } from '../domain/instant.ts';
import type { OutreachChannel } from '../domain/play.ts';
import { type Client, storeFault } from './client.ts';
import { suppressionKey } from './keys.ts';

/** Where suppressions lie: known by a keyed hash of the address, so that they outlive the person's data. */
export interface Suppressions {
  client: Client;
  registry: string;
  /** `salt` of the settings. */
  salt: string;
}

export async function isSuppressed(
  { client, registry, salt }: Suppressions,
  channel: OutreachChannel,
  address: string,
): Promise<boolean> {
  try {
    const { Item } = await client.send(
      new GetCommand({
        TableName: registry,
        Key: suppressionKey(channel, addressHash(salt, channel, address)),
        ConsistentRead: true,
      }),
    );
    return Item !== undefined;
  } catch (error) {
    throw storeFault(error);
  }
}

/** From now on nothing is sent to the address on this channel, whatever else is said. Repeatable. */
export async function suppress(
  { client, registry, salt }: Suppressions,
  channel: OutreachChannel,
  address: string,
  reason: string,
  at: Instant,
): Promise<void> {
  try {
    const key = suppressionKey(channel, addressHash(salt, channel, address));
    await client.send(new PutCommand({ TableName: registry, Item: { ...key, reason, at } }));
  } catch (error) {
    throw storeFault(error);
  }
}

/** @param address as identities keep it: normalised */
function addressHash(salt: string, channel: OutreachChannel, address: string): string {
  return createHmac('sha256', salt).update(`${channel}:${address}`).digest('hex');
}
