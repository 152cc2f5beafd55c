/** Messages of the queue of erasures: the daily look at all that is open, and one for each that is to be gone on with. */
export type ErasureMessage = { scheduledTime: string } | { requestId: string };
