/** What infra lays out and the stores address: attribute names of keys and the names of indexes. */
export const tables = {
  /** One lean item for each customer; scanned every night. */
  customers: { partitionKey: 'customerId' },
  /** Interactions by customer in order, natural keys, value receipts, quarantined deliveries. */
  ledger: { partitionKey: 'pk', sortKey: 'sk' },
  /** Outreach jobs with their decisions. */
  outreach: {
    partitionKey: 'jobId',
    timeToLive: 'expiresAt',
    indexes: {
      byDay: { partitionKey: 'dayShard', sortKey: 'createdAtJob' },
      byCustomer: { partitionKey: 'customerId', sortKey: 'createdAtJob' },
    },
  },
  /** Identities, sources, keys, policies, value runs, settings, the test clock. */
  registry: {
    partitionKey: 'pk',
    sortKey: 'sk',
    timeToLive: 'expiresAt',
    indexes: { identitiesByCustomer: { partitionKey: 'customerId', sortKey: 'pk' } },
  },
} as const;
