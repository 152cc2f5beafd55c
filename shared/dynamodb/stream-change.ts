import type { Instant } from '../domain/instant.ts';
import type { Order } from '../domain/order.ts';
import type { Change, CustomerState, JobState, Recorded } from '../engine/publish.ts';
import { type AttributeMap, type Item, unpackItem } from './attribute-value.ts';

/** A record of a table's stream, as Lambda hands it over. */
export interface StreamRecord {
  eventName?: string | undefined;
  dynamodb?: { Keys?: Image | undefined; NewImage?: Image | undefined; OldImage?: Image | undefined } | undefined;
}
/** Attribute values in the form of the wire. */
type Image = Record<string, unknown>;

/**
 * What a stream record says in the words of the engine: a customer written, a line of the ledger or an outreach job
 * added. Nothing for removals and for the other items of the tables. Tables are told apart by their keys.
 */
export function changeOf({ eventName, dynamodb }: StreamRecord): Change | undefined {
  const { Keys, NewImage, OldImage } = dynamodb ?? {};
  if (!Keys || !NewImage || eventName === 'REMOVE') return undefined;
  if ('pk' in Keys) return ledgerChange(read(NewImage), eventName === 'INSERT');
  if ('jobId' in Keys) return eventName === 'INSERT' ? jobChange(read(NewImage)) : undefined;
  if ('customerId' in Keys) return customerChange(read(NewImage), OldImage && read(OldImage));
  return undefined;
}

function read(image: Image): Item {
  return unpackItem(image as AttributeMap);
}

function customerChange(after: Item, before: Item | undefined): Change | undefined {
  // What an identity of the erased leaves behind was no customer.
  if ('erasedAt' in after)
    return before && !('erasedAt' in before)
      ? { kind: 'erasure', customerId: String(after.customerId), at: String(after.erasedAt) }
      : undefined;
  // Who comes back from a merge, as whoever goes into one, is no news: nothing happened to the person.
  if (before && 'mergedInto' in before) return undefined;
  const state = customerState(after);
  return state && { kind: 'customer', after: state, before: before && customerState(before) };
}

function customerState(item: Item): CustomerState | undefined {
  if (!hasText(item, 'customerId', 'createdAt', 'updatedAt') || typeof item.consents !== 'object') return undefined;
  const { customerId, ...state } = item as unknown as Omit<CustomerState, 'id'> & { customerId: string };
  return { id: customerId, ...state };
}

type LedgerLine = Pick<Recorded, 'type' | 'sourceId' | 'occurredAt'> & {
  pk: string;
  id: string;
  receivedAt: Instant;
  countsSince?: Instant;
  order?: Pick<Order, 'snapshot' | 'paidAt'>;
};

function ledgerChange(item: Item, isNew: boolean): Change | undefined {
  if (!hasText(item, 'pk', 'id', 'type', 'sourceId', 'occurredAt', 'receivedAt')) return undefined;
  if (!(item.pk as string).startsWith('cus_')) return undefined;
  // A line that moved to another customer is no news: it was told when it came. One that begins to count is told again.
  const begins = item.begins === true;
  if (!begins && (!isNew || item.moved === true)) return undefined;
  const line = item as unknown as LedgerLine;
  const paidAt = begins ? line.order?.paidAt : undefined;
  return {
    kind: 'interaction',
    interaction: {
      customerId: line.pk,
      interactionId: line.id,
      type: line.type,
      sourceId: line.sourceId,
      occurredAt: line.occurredAt,
      at: (begins ? line.countsSince : undefined) ?? line.receivedAt,
      backfill: item.backfill === true,
      first: item.first === true,
      test: line.order?.snapshot?.test === true,
      ...(paidAt && { paidAt }),
    },
  };
}

function jobChange(item: Item): Change | undefined {
  if (!hasText(item, 'jobId', 'customerId', 'status', 'createdAt')) return undefined;
  const { jobId, ...job } = item as unknown as Omit<JobState, 'id'> & { jobId: string };
  return { kind: 'job', job: { id: jobId, ...job } };
}

function hasText(item: Item, ...names: string[]): boolean {
  return names.every((name) => typeof item[name] === 'string');
}
