import { randomBytes } from 'node:crypto';
import type { Client } from './client.ts';
import { settingsKey } from './keys.ts';

/** Fixed once for a deployment, by the first call that needs it. */
export interface Settings {
  /** Salt of minted identifiers and of hashes of addresses. */
  salt: string;
  /** Signs cursors. */
  cursorSecret: string;
  /** The currency of facts: that of the first source. */
  baseCurrency?: string;
  /** The zone in which days are counted: that of the first source. */
  baseTimeZone?: string;
}

export type Base = Required<Pick<Settings, 'baseCurrency' | 'baseTimeZone'>>;

/** Reads the settings and makes salt and secret where there are none yet. Callers keep them: they never change. */
export async function readSettings(client: Client, registry: string): Promise<Settings> {
  const { Item } = await client.get({ TableName: registry, Key: settingsKey, ConsistentRead: true });
  if (Item?.salt) return Item as Settings & Record<string, unknown>;
  return await settle(client, registry, {});
}

/** Fixes the base currency and time zone where there are none yet; answers with those that hold. */
export async function fixBase(client: Client, registry: string, wanted: Base): Promise<Base> {
  const fixed = await settle(client, registry, wanted);
  return {
    baseCurrency: fixed.baseCurrency ?? wanted.baseCurrency,
    baseTimeZone: fixed.baseTimeZone ?? wanted.baseTimeZone,
  };
}

async function settle(client: Client, registry: string, wanted: Partial<Base>): Promise<Settings> {
  const values = {
    salt: randomBytes(24).toString('base64url'),
    cursorSecret: randomBytes(32).toString('base64url'),
    ...wanted,
  };
  const names = Object.keys(values);
  const { Attributes } = await client.update({
    TableName: registry,
    Key: settingsKey,
    UpdateExpression: `SET ${names.map((name) => `#${name} = if_not_exists(#${name}, :${name})`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
    ReturnValues: 'ALL_NEW',
  });
  return Attributes as Settings & Record<string, unknown>;
}
