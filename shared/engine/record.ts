import type { Draft, Frame, MergeEvidence, Recorded } from './draft.ts';
import { type Fact, notAfter, withoutNobody } from './fact.ts';
import { Known } from './known.ts';
import { mergeOnEvidence } from './merge-customers.ts';
import { Problem } from './problem.ts';
import { draftCustomer, draftDeparture, draftSaying, draftShopMerge } from './record-customer.ts';
import { draftOrder } from './record-order.ts';
import type { RecordStore } from './record-store.ts';

const attempts = 24;

/**
 * Writes a fact into the ledger, its customer, and the identities that lead to it, in one transaction on condition
 * of what was read; where somebody else was faster it reads again. Repeating it changes nothing. Where the fact says
 * that two customers are one, they are merged next, or it is noted who says so.
 * @throws Unintelligible where the fact cannot be kept as it is
 * @throws Problem `store_unavailable`; `too_busy`; `customer_not_found` for a customer named by an unknown identifier;
 * `interaction_conflict` where a partner's id was used for something else
 */
export async function record(store: RecordStore, fact: Fact, frame: Frame): Promise<Recorded> {
  const heard = withoutNobody(notAfter(fact, frame.receivedAt), frame.nobody);
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await store.pause(attempt);
    const known = new Known(store, attempt > 0);
    const draft = await draftOf(known, heard, frame);
    if (draft === 'stale') continue;
    const writes = known.folded(draft.writes);
    if (writes.length > 0 && (await store.commit(writes)) === 'conflict') continue;
    const merged = draft.merge && (await mergeOnEvidence(store, ...saidOf(draft.merge, frame)));
    const { customerId: personId } = draft.about;
    const customerId = merged?.into ?? (personId && known.homeId(personId));
    const outcome = writes.length > 0 || merged ? 'recorded' : 'duplicate';
    return { outcome, ...draft.about, ...(personId && { personId }), ...(customerId && { customerId }) };
  }
  throw new Problem(503, 'too_busy', 'Too many writes to one customer at once. Try again.', { retryAfter: 1 });
}

const saidOf = ({ by, ...persons }: MergeEvidence, { sourceId, receivedAt: at, mint }: Frame) =>
  [
    { ...persons, sourceId },
    { by, at, mint },
  ] as const;

function draftOf(known: Known, fact: Fact, frame: Frame): Promise<Draft> {
  switch (fact.kind) {
    case 'order':
      return draftOrder(known, fact, frame);
    case 'customer':
      return draftCustomer(known, fact, frame);
    case 'merge':
      return draftShopMerge(known, fact, frame);
    case 'departure':
      return draftDeparture(known, fact, frame);
    case 'conversation':
    case 'consent':
      return draftSaying(known, fact, frame);
  }
}
