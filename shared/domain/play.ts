import { type Customer, firstPurchaseAt } from './customer.ts';
import { type Instant, millisecondsOf } from './instant.ts';
import { render, showableName } from './template.ts';

/** Ways to reach a customer. */
export type OutreachChannel = 'email';

/** What happened that a play may answer to. */
export type Trigger =
  | {
      kind: 'order';
      interactionId: string;
      occurredAt: Instant;
      backfill: boolean;
      test: boolean;
      /** Of an order that was known as unpaid before: its payment is what happened. */
      paidAt?: Instant | undefined;
    }
  | { kind: 'tier'; tier: string; previousTier: string | null; runId: string };

/** A standing rule of outreach, as data. */
export interface Play {
  id: string;
  /** Grows with every change of the content; a job names the version that it was made by. */
  version: number;
  occasion: 'first_purchase' | 'top_tier_entered';
  purpose: 'marketing';
  /** In the order of preference. */
  channels: readonly OutreachChannel[];
  subject: string;
  paragraphs: readonly string[];
}

export const plays: readonly Play[] = [
  {
    id: 'thanks-first-purchase',
    version: 1,
    occasion: 'first_purchase',
    purpose: 'marketing',
    channels: ['email'],
    subject: 'Thank you for your first order at {shopName}',
    paragraphs: [
      'Dear {firstName},',
      'Thank you for your first order with us. We are glad that you found {shopName}.',
      'If anything is not as you expected, just reply to this message.',
      'Warm regards,\n{shopName}',
    ],
  },
  {
    id: 'recognise-top-tier',
    version: 1,
    occasion: 'top_tier_entered',
    purpose: 'marketing',
    channels: ['email'],
    subject: 'You are now among the {tier} customers of {shopName}',
    paragraphs: [
      'Dear {firstName},',
      'You have come back to us again and again, and today you joined our {tier} customers.',
      'There is nothing you need to do. We wanted you to know that we noticed, and that we are grateful.',
      'Warm regards,\n{shopName}',
    ],
  },
];

/** Why a trigger is no occasion for a play. Nothing was to be decided then, so nothing is kept. */
export type NoOccasion =
  | 'other_trigger'
  | 'backfill'
  /** It was placed long before anybody told of it, or paid long ago: thanks would come out of the blue. */
  | 'long_ago'
  | 'test_data'
  | 'not_first_purchase'
  | 'not_top_tier'
  | 'same_tier'
  | 'tier_of_former_policy'
  | 'tier_left_again';

/** The tiers by the policy that holds, that of prospects among the others. */
export interface TierNames {
  best: string;
  others: readonly string[];
}

/** Longer than any shop tries to deliver a message, in milliseconds. */
const thanksWithin = 14 * 86_400_000;

/**
 * Why the trigger is no occasion for the play; nothing where it is one.
 * @param customer as it is now, which may be later than the trigger
 */
export function noOccasion(
  play: Play,
  trigger: Trigger,
  customer: Customer,
  tiers: TierNames | undefined,
  now: Instant,
): NoOccasion | undefined {
  if (play.occasion === 'first_purchase') {
    if (trigger.kind !== 'order') return 'other_trigger';
    if (trigger.backfill) return 'backfill';
    if (trigger.test) return 'test_data';
    const countsAt = millisecondsOf(trigger.paidAt ?? trigger.occurredAt);
    if (countsAt < millisecondsOf(now) - thanksWithin) return 'long_ago';
    return trigger.occurredAt === firstPurchaseAt(customer) ? undefined : 'not_first_purchase';
  }
  if (trigger.kind !== 'tier') return 'other_trigger';
  if (!tiers || trigger.tier !== tiers.best) return 'not_top_tier';
  if (trigger.previousTier === trigger.tier) return 'same_tier';
  // Another name for where somebody was before is no achievement.
  if (trigger.previousTier !== null && !tiers.others.includes(trigger.previousTier)) return 'tier_of_former_policy';
  return customer.standing?.tier === trigger.tier ? undefined : 'tier_left_again';
}

/**
 * What makes an occasion one and the same: the first purchase comes once in a customer's life, whichever order turns
 * out to be it; a tier can be entered again in a later run.
 */
export function occasionKey(play: Play, trigger: Trigger): string[] {
  return trigger.kind === 'tier' ? [play.id, trigger.runId] : [play.id];
}

/** What a customer is told, in plain text. */
export interface Message {
  subject: string;
  paragraphs: string[];
}

/** Stands under every message that rests on consent. */
const consentNote = 'You receive this message because you agreed to e-mail from {shopName}.';

/** The play's texts in the words of one customer. */
export function messageOf(play: Play, trigger: Trigger, customer: Customer, shopName: string): Message {
  const values = {
    firstName: showableName(customer.profile.firstName?.value) ?? 'customer',
    tier: (trigger.kind === 'tier' ? trigger.tier : customer.standing?.tier) ?? '',
    shopName,
  };
  return {
    subject: render(play.subject, values),
    paragraphs: [...play.paragraphs, consentNote].map((paragraph) => render(paragraph, values)),
  };
}
