import { type Consent, consentKey } from './consent.ts';
import { type Customer, leftAt } from './customer.ts';
import type { Instant } from './instant.ts';
import type { OutreachChannel, Play } from './play.ts';

export type ChannelReason =
  | 'consent_granted'
  | 'consent_absent'
  | 'consent_refused'
  /** The shops that knew the customer have deleted it, and nothing was agreed to since. */
  | 'customer_left'
  | 'suppressed'
  /** Contributes less than the tier policy's standard asks for, and this channel is kept for others. */
  | 'below_standard'
  | 'no_address';
export type SilenceReason = Exclude<ChannelReason, 'consent_granted'> | 'test_data' | 'history_only';

/** Whether a channel may be used, why, and the customer's word that it rests on. */
export interface ChannelVerdict {
  channel: OutreachChannel;
  possible: boolean;
  reason: ChannelReason;
  consent?: Pick<Consent, 'state' | 'occurredAt' | 'sourceId'>;
}

/** The receipt of one judgement: which channels were possible, which was chosen, or why silence was. */
export interface Decision {
  decidedAt: Instant;
  channels: ChannelVerdict[];
  chosen: OutreachChannel | null;
  silence?: SilenceReason;
}

/**
 * Decides how, and whether at all, a customer is reached on the occasion of a play. Only a granted consent opens a
 * channel; suppression outranks it; history and test data alone are never a reason to write.
 * @param suppressed channels on which the customer's address must not be written to
 */
export function decide(
  play: Play,
  customer: Customer,
  suppressed: ReadonlySet<OutreachChannel>,
  now: Instant,
): Decision {
  const channels = play.channels.map((channel) => verdictOf(channel, play, customer, suppressed));
  const silence = reasonForSilence(customer);
  const chosen = silence === undefined ? channels.find(({ possible }) => possible)?.channel : undefined;
  if (chosen !== undefined) return { decidedAt: now, channels, chosen };
  const ruledOut = channels[0]?.reason as SilenceReason | undefined;
  return { decidedAt: now, channels, chosen: null, silence: silence ?? ruledOut ?? 'no_address' };
}

function reasonForSilence(customer: Customer): SilenceReason | undefined {
  if (!customer.live) return 'test_data';
  return customer.lastLiveOrderAt === undefined ? 'history_only' : undefined;
}

/** Refusal and suppression come before all else, so that the receipt names the customer's word where there is one. */
export function verdictOf(
  channel: OutreachChannel,
  { purpose }: Pick<Play, 'purpose'>,
  customer: Customer,
  suppressed: ReadonlySet<OutreachChannel>,
): ChannelVerdict {
  const assertion = customer.consents[consentKey({ channel, purpose })];
  const hasLeft = assertion !== undefined && assertion.occurredAt <= (leftAt(customer) ?? '');
  const reason = reasonOf(assertion, {
    hasLeft,
    suppressed: suppressed.has(channel),
    belowStandard: customer.standing?.limitedTo?.includes(channel) === false,
    reachable: addressOf(customer, channel) !== undefined,
  });
  return {
    channel,
    possible: reason === 'consent_granted',
    reason,
    ...(assertion && {
      consent: { state: assertion.state, occurredAt: assertion.occurredAt, sourceId: assertion.sourceId },
    }),
  };
}

function reasonOf(
  assertion: Consent | undefined,
  is: Record<'hasLeft' | 'suppressed' | 'belowStandard' | 'reachable', boolean>,
): ChannelReason {
  if (assertion?.state === 'refused') return 'consent_refused';
  if (is.hasLeft) return 'customer_left';
  if (is.suppressed) return 'suppressed';
  if (assertion === undefined) return 'consent_absent';
  if (is.belowStandard) return 'below_standard';
  return is.reachable ? 'consent_granted' : 'no_address';
}

const atom = "[\\p{L}\\p{M}\\p{N}!$%&'*+/=?^_`{|}~-]+";
const label = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]*[\\p{L}\\p{M}\\p{N}])?';
const mailbox = new RegExp(`^(?=.{1,64}@)${atom}(?:\\.${atom})*@${label}(?:\\.${label})+$`, 'u');

/**
 * Where a channel reaches the customer; nothing where there is no address or none that a message can be sent to.
 * Identities are wider than this: quoted and otherwise odd local parts (RFC 5321, 4.1.2) tell people apart, but a
 * comma or a bracket in one could turn one recipient into two.
 */
export function addressOf(customer: Customer, channel: OutreachChannel): string | undefined {
  const address = { email: customer.profile.email?.value }[channel];
  return address !== undefined && mailbox.test(address) ? address : undefined;
}
