import type { Client } from './client.ts';
import { tierPolicyKey } from './keys.ts';

/** The best tier of the latest tier policy; nothing while no policy is kept, for then no tier was given either. */
export async function readTopTier(client: Client, registry: string): Promise<string | undefined> {
  const { Items } = await client.query({
    TableName: registry,
    KeyConditionExpression: 'pk = :policies',
    ExpressionAttributeValues: { ':policies': tierPolicyKey(1).pk },
    ScanIndexForward: false,
    ConsistentRead: true,
    Limit: 1,
  });
  const tiers = Items?.[0]?.tiers as { name: string }[] | undefined;
  return tiers?.[0]?.name;
}
