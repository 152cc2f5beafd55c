import type { KeptDelivery } from './delivery.ts';
import { type Instant, instantOf, millisecondsOf } from './instant.ts';

/**
 * What came of a source's deliveries within one hour, in numbers that add up: by status (`recorded` …), refused at the
 * door (`refused`), turned away with a fault of our own (`unavailable`), by ten minutes (`ten0` … `ten5`), by the
 * step of {@link lagSteps} that the lag fell on (`lag0` …), and those that led to no customer (`unowned`).
 */
export type Counts = Record<string, number>;

export interface HourCounts {
  /** The first moment of the hour. */
  begins: Instant;
  counts: Counts;
}

/** Upper ends of the steps of lag, in seconds: what the source said was so long ago when it came. The last one is open. */
export const lagSteps = [
  1,
  2,
  5,
  10,
  30,
  60,
  120,
  300,
  900,
  1_800,
  3_600,
  3 * 3_600,
  6 * 3_600,
  12 * 3_600,
  86_400,
  3 * 86_400,
  7 * 86_400,
] as const;

export const tenMinutes = 600_000;
export const hour = 3_600_000;

/** One delivery in numbers. A clock of the source that runs ahead shows no lag. */
export function countsOf(delivery: KeptDelivery): HourCounts {
  const { status, receivedAt, occurredAt } = delivery;
  const at = millisecondsOf(receivedAt);
  const counts: Counts = { [status]: 1, [`ten${Math.floor((at % hour) / tenMinutes)}`]: 1 };
  if (occurredAt !== undefined) counts[`lag${lagStep((at - millisecondsOf(occurredAt)) / 1000)}`] = 1;
  if (isUnowned(delivery)) counts.unowned = 1;
  return { begins: hourOf(receivedAt), counts };
}

/** A sale to nobody, or a refund or cancellation that waits for its order. */
function isUnowned({ status, customerId, privacyRequestId, withheld }: KeptDelivery): boolean {
  return status === 'recorded' && customerId === undefined && privacyRequestId === undefined && !withheld;
}

function lagStep(seconds: number): number {
  const step = lagSteps.findIndex((end) => seconds <= end);
  return step === -1 ? lagSteps.length - 1 : step;
}

export function hourOf(at: Instant): Instant {
  return instantOf(Math.floor(millisecondsOf(at) / hour) * hour);
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}
