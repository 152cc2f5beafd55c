/** Messages of the queue of reconciliations: the daily one, and one for each that is to be begun or gone on with. */
export type ReconcileMessage = { scheduledTime: string } | { sourceId: string; reconciliationId: string };
