/**
 * What infra lays out and the stores address: attribute names of keys, the names of indexes, and what these hold beside
 * keys.
 */
export const tables = {
  /** One lean item for each customer; scanned every night. */
  customers: { partitionKey: 'customerId' },
  /** Interactions by customer in order, natural keys, value receipts. */
  ledger: { partitionKey: 'pk', sortKey: 'sk' },
  /** Outreach jobs with their decisions. */
  outreach: {
    partitionKey: 'jobId',
    timeToLive: 'expiresAt',
    indexes: {
      byDay: { partitionKey: 'dayShard', sortKey: 'createdAtJob' },
      byCustomer: { partitionKey: 'customerId', sortKey: 'createdAtJob' },
    },
    projected: 'everything',
  },
  /** Deliveries with their bodies for a set time, and how many there were. */
  deliveries: {
    partitionKey: 'pk',
    sortKey: 'sk',
    timeToLive: 'expiresAt',
    indexes: {
      bySource: { partitionKey: 'sourceId', sortKey: 'listedAt' },
      byStatus: { partitionKey: 'sourceStatus', sortKey: 'listedAt' },
      setAside: { partitionKey: 'setAside', sortKey: 'listedAt' },
    },
    /** What the lists show: never the body. */
    projected: [
      'id',
      'sourceId',
      'status',
      'reason',
      'receivedAt',
      'decidedAt',
      'replayedAt',
      'occurredAt',
      'customerId',
      'interactionId',
      'privacyRequestId',
      'withheld',
      'bytes',
      'expiresAt',
    ],
  },
  /** Identities, sources, keys, policies, value runs, settings, the test clock. */
  registry: {
    partitionKey: 'pk',
    sortKey: 'sk',
    timeToLive: 'expiresAt',
    indexes: { identitiesByCustomer: { partitionKey: 'customerId', sortKey: 'pk' } },
    /** The keys say which identities lead to a customer, and this which of them identify somebody. */
    projected: ['met'],
  },
} as const;
