import type { TierNames } from '../domain/play.ts';
import type { TierPolicy } from '../domain/tier-policy.ts';
import type { Client } from './client.ts';
import { tierPolicyKey } from './keys.ts';

/** The tiers of the latest tier policy; nothing while no policy is kept, for then no tier was given either. */
export async function readTierNames(client: Client, registry: string): Promise<TierNames | undefined> {
  const { Items } = await client.query({
    TableName: registry,
    KeyConditionExpression: 'pk = :policies',
    ExpressionAttributeValues: { ':policies': tierPolicyKey(1).pk },
    ScanIndexForward: false,
    ConsistentRead: true,
    Limit: 1,
  });
  const policy = Items?.[0] as TierPolicy | undefined;
  const [best, ...others] = policy?.tiers.map(({ name }) => name) ?? [];
  return policy && best !== undefined ? { best, others: [...others, policy.prospects] } : undefined;
}
