import type { Instant } from '../domain/instant.ts';
import type { Mint } from '../domain/interaction.ts';
import { addErased, type PrivacyRequest, type Reach } from '../domain/privacy-request.ts';
import type { Source } from '../domain/source.ts';
import type { ErasedDeliveries } from './erase-deliveries.ts';
import type { ErasureStores, SourcePeople } from './erase-source.ts';

/** What the steps of an erasure have in common. */

export interface ErasurePorts extends ErasureStores {
  people: SourcePeople;
  deliveries: ErasedDeliveries;
  source(sourceId: string): Promise<Pick<Source, 'revision' | 'createdAt' | 'erasedAt'> | undefined>;
  /** Nothing comes in by this source any more, and nothing is asked of its shop, where it is what it was at `revision`. */
  switchOff(sourceId: string, at: Instant, revision: number): Promise<void>;
  /** Keeps how far it came; false where somebody else took it further meanwhile. */
  keep(request: PrivacyRequest): Promise<boolean>;
  phoneOf(text: string, sourceId: string): string | undefined;
  /** Milliseconds that may still be spent. */
  remaining(): number;
}

export interface EraseFrame {
  now: Instant;
  baseCurrency: string;
  baseTimeZone: string;
  mint: Mint;
}

export type Erasure = EraseFrame & { erasedAt: Instant };

/** What one page of a step came to. */
export interface Taken {
  next: PrivacyRequest;
  isDone: boolean;
}

export function counted(request: PrivacyRequest, more: Parameters<typeof addErased>[1]): PrivacyRequest {
  return { ...request, counts: addErased(request.counts, more) };
}

export function sourcesOf({ from }: PrivacyRequest): string[] {
  return 'sourceId' in from ? [from.sourceId] : [];
}

/**
 * To be asked after the persons or deliveries were read that it is for: whoever is among them by the word of a source that
 * was put anew is told from the others then.
 */
export async function reachOf({ source }: ErasurePorts, sourceId: string, { erasedAt }: Erasure): Promise<Reach> {
  const { createdAt = erasedAt } = (await source(sourceId)) ?? {};
  return createdAt > erasedAt ? { erasedAt, anewAt: createdAt } : { erasedAt };
}
