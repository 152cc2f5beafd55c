import { parseMoney } from '../../shared/domain/money.ts';
import type { TierRules } from '../../shared/domain/tier-policy.ts';
import { tierPolicyStore } from '../../shared/dynamodb/tier-policy-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { publishedTierPolicy, publishIn, tierPolicy, tierRulesIn } from '../../shared/http/schemas/tier-policy.ts';
import { invalid } from '../../shared/http/validate.ts';
import type { Door } from './door.ts';

export const showTierPolicy = route({
  summary: 'Shows the tier policy that holds, and the draft of the next one',
  scope: 'tier-policy:read',
  answers: { 200: { description: 'The policy and its draft', schema: tierPolicy } },
  async answer(door: Door) {
    const { baseCurrency } = await door.settings();
    const store = tierPolicyStore(door.client, door.tables.registry);
    const [published, draft] = await Promise.all([store.current(baseCurrency), store.draft()]);
    return { status: 200, body: { published, draft: draft ?? null } };
  },
});

export const replaceDraft = route({
  summary: 'Keeps a draft of the next tier policy; nothing is judged by it until it is published',
  scope: 'tier-policy:write',
  body: tierRulesIn,
  answers: { 200: { description: 'Kept', schema: tierPolicy } },
  async answer(door: Door, { body: rules }) {
    const store = tierPolicyStore(door.client, door.tables.registry);
    const currency = await currencyOf(door);
    checkAmounts(rules, currency);
    const draft = await store.saveDraft({ rules, updatedAt: door.now });
    return { status: 200, body: { published: await store.current(currency), draft } };
  },
});

export const publishDraft = route({
  summary: 'Makes the draft the tier policy: the next night judges by it',
  scope: 'tier-policy:write',
  body: publishIn,
  bodyMayLack: true,
  answers: { 201: { description: 'Published, as a version that never changes', schema: publishedTierPolicy } },
  async answer(door: Door, { body: { draftId } }) {
    const store = tierPolicyStore(door.client, door.tables.registry);
    const policy = await store.publish(await currencyOf(door), draftId);
    if (policy) return { status: 201, body: policy };
    const draft = await store.draft();
    if (draft && draftId !== undefined && draft.id !== draftId) throw draftChanged();
    throw new Problem(409, 'no_draft', 'There is no draft to publish, or it was just published or changed.');
  },
});

function draftChanged(): Problem {
  const faults = [{ pointer: '/draftId', detail: 'is not the draft that there is' }];
  return new Problem(409, 'draft_changed', 'Another draft took the place of this one: look at it first.', { faults });
}

async function currencyOf(door: Door): Promise<string> {
  const { baseCurrency } = await door.settings();
  if (baseCurrency !== undefined) return baseCurrency;
  throw new Problem(409, 'base_currency_unknown', 'The first source fixes the currency of amounts: make one first.');
}

function checkAmounts({ absolute, costs: { refunds, service }, standard }: TierRules, currency: string): void {
  const lists = ['spentAtLeast', 'contributionAtLeast', 'lifetimeValueAtLeast'] as const;
  const amounts: [string, string][] = [
    ...lists.flatMap((name) =>
      absolute[name].map((text, index): [string, string] => [`/absolute/${name}/${index}`, text]),
    ),
    ['/costs/refunds/each', refunds.each],
    ...Object.entries(service).map(([kind, text]): [string, string] => [`/costs/service/${kind}`, text]),
    ...(standard ? [['/standard/contributionAtLeast', standard.contributionAtLeast] as [string, string]] : []),
  ];
  const faults = amounts.flatMap(([pointer, text]) =>
    parseMoney(text, currency) ? [] : [{ pointer, detail: `is no amount in ${currency}` }],
  );
  if (faults.length > 0) throw invalid(faults);
}
