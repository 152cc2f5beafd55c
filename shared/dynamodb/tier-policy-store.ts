import { defaultTierPolicy, type TierPolicy } from '../domain/tier-policy.ts';
import type { TierPolicies } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { tierPolicyKey } from './keys.ts';

/** The versions of the tier policy; what is published never changes. */
export function tierPolicyStore(client: Client, registry: string): TierPolicies {
  return {
    async current(currency) {
      const published = await latest();
      if (published) return published;
      if (currency === undefined) return defaultTierPolicy('EUR');
      const policy = defaultTierPolicy(currency);
      try {
        await client.put({
          TableName: registry,
          Item: { ...tierPolicyKey(policy.version), ...policy },
          ConditionExpression: 'attribute_not_exists(pk)',
        });
      } catch (error) {
        if (!failedCondition(error)) throw error;
      }
      return (await latest()) ?? policy;
    },
  };

  async function latest(): Promise<TierPolicy | undefined> {
    const { Items } = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': tierPolicyKey(0).pk },
      ScanIndexForward: false,
      Limit: 1,
      ConsistentRead: true,
    });
    if (!Items?.[0]) return undefined;
    const { pk: _pk, sk: _sk, ...policy } = Items[0];
    return policy as TierPolicy;
  }
}
