import type { Instant } from './instant.ts';

/** What a shop or a partner may have heard a customer say; what can be sent is another matter. */
export const consentChannels = ['email', 'sms', 'whatsapp', 'phone', 'post'] as const;
/** What furthers sales, and what carries out what was agreed. */
export const consentPurposes = ['marketing', 'transactional'] as const;

/** One dated assertion: somebody said yes or no to one channel for one purpose. Absence is not refusal. */
export interface Consent {
  channel: (typeof consentChannels)[number];
  purpose: (typeof consentPurposes)[number];
  state: 'granted' | 'refused';
  occurredAt: Instant;
  sourceId: string;
}

/** The current assertion for each `<channel>:<purpose>`. */
export type Consents = Record<string, Consent>;

export function consentKey({ channel, purpose }: Pick<Consent, 'channel' | 'purpose'>): string {
  return `${channel}:${purpose}`;
}

/** The latest assertion wins, whatever the order of arrival; of two at one moment the refusal. */
export function withConsents(consents: Consents, assertions: readonly Consent[]): Consents {
  const result = { ...consents };
  for (const assertion of assertions) {
    const current = result[consentKey(assertion)];
    if (!current || outranks(assertion, current)) result[consentKey(assertion)] = assertion;
  }
  return result;
}

function outranks(a: Consent, b: Consent): boolean {
  if (a.occurredAt !== b.occurredAt) return a.occurredAt > b.occurredAt;
  if (a.state !== b.state) return a.state === 'refused';
  return a.sourceId < b.sourceId;
}
