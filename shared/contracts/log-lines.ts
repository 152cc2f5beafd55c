/**
 * The `message` of log lines that an alarm listens for, by the name of the metric that counts them. Each is written once
 * for what it tells of, and no other line of the function has its words.
 */
export const logLines = {
  DeliveryQuarantined: 'delivery quarantined',
  OutreachFailed: 'outreach failed',
  OutreachUnconfirmed: 'outreach unconfirmed',
  DeliveryNotKept: 'delivery not kept',
  KeepingBrokeOff: 'keeping broke off',
  RetryBrokeOff: 'retry broke off',
  PlanningBrokeOff: 'planning broke off',
  ReconciliationFailed: 'reconciliation failed',
  SendingBrokeOff: 'sending broke off',
  ErasureBrokeOff: 'erasure broke off',
  PrivacyRequestPressing: 'privacy request is due soon',
} as const;

export type LogLine = keyof typeof logLines;
