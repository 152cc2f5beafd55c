import type { Consent } from './consent.ts';
import { countedOf, type Rate } from './exchange-rate.ts';
import type { Instant } from './instant.ts';
import type { Money } from './money.ts';
import { type Order, type Refund, takenBack, unlistedRefund } from './order.ts';

/** What a partner, a colleague or the engine itself reports beside sales. */
export const conversationTypes = ['call', 'visit', 'message', 'review'] as const;
export type ConversationType = (typeof conversationTypes)[number];

export interface Conversation {
  direction?: 'in' | 'out';
  channel?: string;
  /** A review's, 1 to 5. */
  rating?: number;
  text?: string;
  /** The outreach job that a message out belongs to. */
  jobId?: string;
}

interface InteractionBase {
  id: string;
  sourceId: string;
  /** The source's own id of the order, refund, call … */
  externalId: string;
  occurredAt: Instant;
  receivedAt: Instant;
}

/** One line of a customer's ledger. */
export type Interaction =
  | (InteractionBase & {
      type: 'order';
      order: Order;
      /** Placed before the source's `backfillBefore`: history, never a reason for outreach. */
      backfill: boolean;
      /** Whether it was the customer's first purchase when it came. */
      first: boolean;
      /** By which it is counted in the base currency: that of when it was first counted. */
      rate?: Rate;
      /** When the rate was there, where the order had waited for it. */
      ratedAt?: Instant;
      /**
       * When it was heard that it counts, where it was known before as one that does not: it was not paid yet; or when a
       * replay made it count.
       */
      countsSince?: Instant;
      /** When something else of it was recorded than it came with: its shop's later word, or what a replay read. */
      changedAt?: Instant;
      /** The currency in which it counts as a purchase, if it is one: so bounds are found without folding. */
      purchaseIn?: string;
    })
  | (InteractionBase & { type: 'refund'; orderExternalId: string; amount: Money })
  | (InteractionBase & { type: 'cancellation'; orderExternalId: string })
  | (InteractionBase & { type: 'consent'; consent: Consent })
  | (InteractionBase & { type: ConversationType; conversation: Conversation });

export type InteractionType = Interaction['type'];

/** Makes an opaque identifier from its parts: the same parts give the same identifier. */
export type Mint = (prefix: 'cus' | 'int' | 'job' | 'dlv' | 'mrg' | 'sug' | 'prv', ...parts: string[]) => string;

export interface OrderFrame {
  sourceId: string;
  externalId: string;
  backfillBefore?: Instant;
  receivedAt: Instant;
  rate?: Rate | undefined;
  ratedAt?: Instant | undefined;
  mint: Mint;
}

/** The lines that an order stands for in its customer's ledger; none before the order itself is known. */
export function interactionsOf(order: Order, frame: OrderFrame): Interaction[] {
  const { sourceId, externalId, receivedAt, rate, ratedAt, mint } = frame;
  if (!order.snapshot || !order.placedAt) return [];
  const base = { sourceId, receivedAt };
  const counted = countedOf(order, rate);
  const sale: Interaction = {
    ...base,
    id: mint('int', sourceId, 'order', externalId),
    type: 'order',
    externalId,
    occurredAt: order.placedAt,
    order,
    backfill: frame.backfillBefore !== undefined && order.placedAt < frame.backfillBefore,
    first: false,
    ...(rate && { rate }),
    ...(rate && ratedAt && { ratedAt }),
    ...(counted.purchase && { purchaseIn: counted.currency }),
  };
  const unlisted = unlistedRefund(order);
  const taken = takenBack(order, order.snapshot);
  const refunds = [
    ...Object.entries(order.refunds).flatMap(([refundId, refund]): [string, Refund][] => {
      if (refund.failed) return [];
      if (!refund.disputed) return [[refundId, refund]];
      const amount = Object.hasOwn(taken, refundId) ? taken[refundId] : undefined;
      return amount ? [[refundId, { ...refund, amount }]] : [];
    }),
    ...(unlisted ? [['in all', unlisted] as const] : []),
  ].map(
    ([refundId, refund]): Interaction => ({
      ...base,
      id: mint('int', sourceId, 'refund', externalId, refundId),
      type: 'refund',
      externalId: refundId,
      orderExternalId: externalId,
      occurredAt: refund.refundedAt,
      amount: refund.amount,
    }),
  );
  if (!order.cancelledAt) return [sale, ...refunds];
  const cancellation: Interaction = {
    ...base,
    id: mint('int', sourceId, 'cancellation', externalId),
    type: 'cancellation',
    externalId,
    orderExternalId: externalId,
    occurredAt: order.cancelledAt,
  };
  return [sale, ...refunds, cancellation];
}
