import { createHmac } from 'node:crypto';
import type { Instant } from '../domain/instant.ts';
import type { OutreachChannel } from '../domain/play.ts';
import type { Client } from './client.ts';
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
  const { Item } = await client.get({
    TableName: registry,
    Key: suppressionKey(channel, addressHash(salt, channel, address)),
    ConsistentRead: true,
  });
  return Item !== undefined;
}

/** From now on nothing is sent to the address on this channel, whatever else is said. Repeatable. */
export async function suppress(
  { client, registry, salt }: Suppressions,
  channel: OutreachChannel,
  address: string,
  reason: string,
  at: Instant,
): Promise<void> {
  const key = suppressionKey(channel, addressHash(salt, channel, address));
  await client.put({ TableName: registry, Item: { ...key, reason, at } });
}

/** @param address as identities keep it: normalised */
function addressHash(salt: string, channel: OutreachChannel, address: string): string {
  return createHmac('sha256', salt).update(`${channel}:${address}`).digest('hex');
}
