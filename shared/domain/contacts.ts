import { withDay } from './by-day.ts';
import type { Calendar } from './calendar.ts';
import { type Instant, millisecondsOf } from './instant.ts';
import type { Conversation, ConversationType, Interaction } from './interaction.ts';

/** What serves a customer at a cost: what the shop says by itself, and `support` where the customer asks. */
export const contactKinds = ['message', 'call', 'visit', 'support'] as const;
export type ContactKind = (typeof contactKinds)[number];

/** How often a customer was served on one day. */
export interface ContactDay extends Record<ContactKind, number> {
  /** Days since 1970-01-01 in the merchant's time zone. */
  day: number;
}

/** The first day first. */
export type ContactDays = readonly ContactDay[];

/** Nothing for a review, which costs nobody anything. */
function contactKindOf(type: ConversationType, { direction }: Conversation): ContactKind | undefined {
  if (type === 'review') return undefined;
  if (type === 'visit') return 'visit';
  return direction === 'in' ? 'support' : type;
}

/** The days after contacts were added to one of them. */
export function addContact(days: ContactDays, added: ContactDay): ContactDays {
  return withDay(days, added.day, (known) => {
    const changed = { ...added };
    if (known) for (const kind of contactKinds) changed[kind] += known[kind];
    return changed;
  });
}

/** How a customer was served by what was said between shop and customer; nothing where that costs nothing. */
export function contactOf(
  type: ConversationType,
  conversation: Conversation,
  occurredAt: Instant,
  calendar: Calendar,
): ContactDay | undefined {
  const kind = contactKindOf(type, conversation);
  if (!kind) return undefined;
  return { day: calendar(millisecondsOf(occurredAt)), message: 0, call: 0, visit: 0, support: 0, [kind]: 1 };
}

/** The contacts from nothing, by the lines of the ledger. */
export function foldContacts(lines: readonly Interaction[], calendar: Calendar): ContactDays {
  return lines.reduce<ContactDays>((days, line) => {
    if (!('conversation' in line)) return days;
    const contact = contactOf(line.type, line.conversation, line.occurredAt, calendar);
    return contact ? addContact(days, contact) : days;
  }, []);
}

/** The days of two people together. */
export function addContacts(a: ContactDays, b: ContactDays): ContactDays {
  return b.reduce(addContact, a);
}
