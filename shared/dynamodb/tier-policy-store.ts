import { randomUUID } from 'node:crypto';
import type { Instant } from '../domain/instant.ts';
import { defaultTierPolicy, type TierPolicy, type TierRules } from '../domain/tier-policy.ts';
import type { TierPolicies } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition, isConflict } from './faults.ts';
import { tierPolicyDraftKey, tierPolicyKey } from './keys.ts';

/** What a merchant works at, until it is published. */
export interface TierPolicyDraft {
  /** Each writing is another draft, also at one time. */
  id: string;
  rules: TierRules;
  updatedAt: Instant;
}

export interface TierPolicyStore extends TierPolicies {
  version(version: number): Promise<TierPolicy | undefined>;
  draft(): Promise<TierPolicyDraft | undefined>;
  saveDraft(draft: Omit<TierPolicyDraft, 'id'>): Promise<TierPolicyDraft>;
  /**
   * Makes the draft the next version; nothing where there is no draft, or where another call published or replaced it.
   * @param draftId nothing else is published; absent: whatever draft there is
   */
  publish(currency: string, draftId?: string): Promise<TierPolicy | undefined>;
}

/** The versions of the tier policy; what is published never changes. */
export function tierPolicyStore(client: Client, registry: string): TierPolicyStore {
  const store: TierPolicyStore = {
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

    version: async (version) => policyOf((await get(tierPolicyKey(version))) ?? {}),

    async draft() {
      const item = await get(tierPolicyDraftKey);
      if (!item) return undefined;
      const { id, rules, updatedAt } = item as unknown as TierPolicyDraft;
      return { id, rules, updatedAt };
    },

    async saveDraft(draft) {
      const saved = { id: `draft_${randomUUID()}`, ...draft };
      await client.put({ TableName: registry, Item: { ...tierPolicyDraftKey, ...saved } });
      return saved;
    },

    async publish(currency, draftId) {
      const [{ version }, draft] = await Promise.all([store.current(currency), store.draft()]);
      if (!draft || (draftId !== undefined && draft.id !== draftId)) return undefined;
      const policy: TierPolicy = { ...draft.rules, version: version + 1 };
      const writing = randomUUID();
      try {
        await client.transactWrite({
          TransactItems: [
            {
              Put: {
                TableName: registry,
                Item: { ...tierPolicyKey(policy.version), ...policy, writing },
                ConditionExpression: 'attribute_not_exists(pk)',
              },
            },
            {
              Delete: {
                TableName: registry,
                Key: tierPolicyDraftKey,
                ConditionExpression: 'id = :read',
                ExpressionAttributeValues: { ':read': draft.id },
              },
            },
          ],
        });
        return policy;
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      // The conflict may be with this very call, where the answer to it was lost.
      const found = await get(tierPolicyKey(policy.version));
      return found?.writing === writing ? policy : undefined;
    },
  };
  return store;

  async function get(key: { pk: string; sk: string }): Promise<Record<string, unknown> | undefined> {
    return (await client.get({ TableName: registry, Key: key, ConsistentRead: true })).Item;
  }

  async function latest(): Promise<TierPolicy | undefined> {
    const { Items } = await client.query({
      TableName: registry,
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': tierPolicyKey(0).pk },
      ScanIndexForward: false,
      Limit: 1,
      ConsistentRead: true,
    });
    return policyOf(Items?.[0] ?? {});
  }
}

function policyOf({ pk, sk: _sk, writing: _writing, ...policy }: Record<string, unknown>): TierPolicy | undefined {
  return pk === undefined ? undefined : (policy as unknown as TierPolicy);
}
