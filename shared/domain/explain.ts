import type { Calendar } from './calendar.ts';
import { canonicalText } from './canonical.ts';
import { type Instant, millisecondsOf } from './instant.ts';
import { textOfDay } from './models/purchase-text.ts';
import { decimalText, noCurrency } from './money.ts';
import { type CutPoints, type ScoreInputs, type ScoreName, type Scores, scoreNames } from './rfm.ts';
import { weightedSum } from './tier-policy.ts';
import type { Receipt } from './value-run.ts';

/**
 * What a run made of a customer, in one sentence for a person: "moved from gold to silver: last bought 143 days ago, the
 * cut is 121; expects 0.4 purchases in the next 90 days".
 * @param before the receipt of the change before, where there is one
 */
export function explain(receipt: Receipt, before: Receipt | undefined, calendar: Calendar): string {
  const { inputs, outlook } = receipt;
  if (!inputs) return `${verdict(receipt)}: ${before?.inputs ? 'no purchase is left' : 'has no purchase'}`;
  const reasons = reasonsOf(receipt, before);
  const said = [
    ...(reasons.length > 0 ? [reasons.join(', ')] : []),
    ...holdingOf(receipt, before, calendar),
    ...limitsOf(receipt, before),
    ...(outlook ? [`expects ${rounded(outlook.in90Days)} purchases in the next 90 days`] : []),
  ];
  return `${verdict(receipt)}: ${said.join('; ')}`;
}

function verdict({ tier, previousTier }: Receipt): string {
  if (previousTier === null) return `is ${tier}`;
  return previousTier === tier ? `stays ${tier}` : `moved from ${previousTier} to ${tier}`;
}

function amountText(minor: bigint, currency: string): string {
  return `${decimalText({ minor, currency })} ${currency}`;
}

/** Whether the policy held the tier, and what became of that. */
function holdingOf(receipt: Receipt, before: Receipt | undefined, calendar: Calendar): string[] {
  const dayOf = (at: Instant) => textOfDay(calendar(millisecondsOf(at)));
  const { tier, previousTier, held, scores, weights } = receipt;
  if (held) return [`held since ${dayOf(held.since)}, ${held.tierByScores} by the scores alone`];
  if (!before?.held) return [];
  if (tier === previousTier) return ['held no more'];
  const was = scoresToldFrom(receipt, before);
  const rises = scores && was && weightedSum(weights, scores) > weightedSum(weights, was);
  return rises ? [] : [`had been held since ${dayOf(before.held.since)}`];
}

/** Whether the customer is below the policy's standard, or is so no more. */
function limitsOf({ limitedTo, profitability, currency = noCurrency }: Receipt, before: Receipt | undefined): string[] {
  if (!profitability) return [];
  const contributes = `contributes ${amountText(profitability.contribution, currency)}`;
  if (limitedTo) return [`${contributes}, below the standard: ${channelText(limitedTo)}`];
  return before?.limitedTo ? [`${contributes}, limited no more`] : [];
}

const channelText = (channels: readonly string[]) =>
  channels.length === 0 ? 'no outreach' : `reached by ${channels.join(', ')} alone`;

/** What a change is told from: where a tier is held or left, what it fell from, else the scores of the receipt before. */
function scoresToldFrom({ tier, previousTier, held }: Receipt, before: Receipt | undefined): Scores | null | undefined {
  const fallen = held || tier !== previousTier ? before?.held?.scoresBefore : undefined;
  return fallen ?? before?.scores;
}

/** What moved the scores; where nothing did, what they are made of. */
function reasonsOf(receipt: Receipt, before: Receipt | undefined): string[] {
  const { scores, weights, cutPoints, inputs, currency = noCurrency } = receipt;
  if (!scores || !inputs) return [];
  const was = scoresToldFrom(receipt, before);
  const names = scoreNames.filter((name) => scores[name] !== undefined && weights[name] > 0);
  const scoreOf = (of: Scores | undefined | null, name: ScoreName) => of?.[name] ?? 0;
  const moved = was ? names.filter((name) => was[name] !== undefined && scores[name] !== was[name]) : [];
  const fell = moved.filter((name) => scoreOf(scores, name) < scoreOf(was, name));
  const rose = moved.filter((name) => scoreOf(scores, name) > scoreOf(was, name));
  const falls = was != null && weightedSum(weights, scores) < weightedSum(weights, was);
  // The window is named once.
  const describe = (name: ScoreName, named: readonly ScoreName[]) => {
    const isFirst = name === named.find((one) => windowed.includes(one));
    const within = isFirst && receipt.windowDays !== null ? ` in ${receipt.windowDays} days` : '';
    return described(name, inputs, currency, within);
  };
  // Where the scores count otherwise than before, no single one of them tells why.
  const isReweighed = before !== undefined && canonicalText(before.weights) !== canonicalText(weights);
  const telling = isReweighed ? [] : (falls ? fell : rose).length > 0 ? (falls ? fell : rose) : moved;
  const cause = causeOf(receipt, before);
  if (telling.length === 0 && isLimitAlone(receipt, before)) return cause;
  if (telling.length === 0) return [...cause, ...names.map((name) => describe(name, names))];
  return [
    ...cause,
    ...telling.map((name) => {
      const score = Math.max(scoreOf(scores, name), scoreOf(was, name));
      return [describe(name, telling), ...cutText(name, cutPoints, score, currency)].join(', ');
    }),
  ];
}

/** Another policy, or models that came or went, where that may have changed something. */
function causeOf({ policyVersion, weights }: Receipt, before: Receipt | undefined): string[] {
  if (!before) return [];
  if (before.policyVersion !== policyVersion) return [`by version ${policyVersion} of the policy`];
  if (before.weights.lifetimeValue === weights.lifetimeValue) return [];
  return [weights.lifetimeValue > 0 ? 'lifetime value is known by now' : 'lifetime value is not known any more'];
}

/** Whether all else is as it was: then the scores are not what there is to tell. */
function isLimitAlone({ tier, previousTier, held, limitedTo }: Receipt, before: Receipt | undefined): boolean {
  const isSame = tier === previousTier && held?.since === before?.held?.since;
  return isSame && canonicalText(limitedTo) !== canonicalText(before?.limitedTo);
}

/** What the window of the policy bounds. */
const windowed: readonly ScoreName[] = ['frequency', 'monetary', 'contribution'];

/** @param within the window, where it is to be named */
function described(name: ScoreName, inputs: ScoreInputs, currency: string, within: string): string {
  const { daysSinceLastPurchase: days, purchaseCount, totalSpent, contribution = 0n, lifetimeValue = 0n } = inputs;
  switch (name) {
    case 'recency':
      return `last bought ${days === 0 ? 'today' : days === 1 ? 'yesterday' : `${days} days ago`}`;
    case 'frequency':
      return `${purchaseCount === 1 ? 'bought once' : `bought ${purchaseCount} times`}${within}`;
    case 'monetary':
      return `spent ${amountText(totalSpent, currency)}${within}`;
    case 'contribution':
      return `contributed ${amountText(contribution, currency)}${within}`;
    case 'lifetimeValue':
      return `is expected to bring ${amountText(lifetimeValue, currency)}`;
  }
}

/** @param score the one that was reached or lost; everybody has a 1 */
function cutText(name: ScoreName, cuts: CutPoints, score: number, currency: string): string[] {
  if (score < 2) return [];
  const cut = cuts[name]?.[score - 2] ?? null;
  if (cut === null) return ['and nobody has that score any more'];
  return [`the cut is ${typeof cut === 'bigint' ? amountText(cut, currency) : cut}`];
}

function rounded(purchases: number): string {
  return purchases >= 10 ? purchases.toFixed(0) : purchases.toFixed(1);
}
