/** Names of the environment variables that infra gives to functions. Each grant sets the variable that it belongs to. */
export const variables = {
  customersTable: 'CUSTOMERS_TABLE',
  ledgerTable: 'LEDGER_TABLE',
  deliveriesTable: 'DELIVERIES_TABLE',
  outreachTable: 'OUTREACH_TABLE',
  registryTable: 'REGISTRY_TABLE',
  /** Bucket for the parts of a value run that are too large for an item. */
  partsBucket: 'PARTS_BUCKET',
  bus: 'BUS_NAME',
  /** Where deliveries wait for their next try: it is filled at the door, and emptied by a worker that sets the waits. */
  retryQueue: 'RETRY_QUEUE_URL',
  reconcileQueue: 'RECONCILE_QUEUE_URL',
  keepQueue: 'KEEP_QUEUE_URL',
  erasureQueue: 'ERASURE_QUEUE_URL',
  /** For how many days a delivery is kept. */
  deliveryDays: 'DELIVERY_DAYS',
  /** Id of the source whose messages a subscription brings. */
  subscriptionSource: 'SUBSCRIPTION_SOURCE',
  valueRunMachine: 'VALUE_RUN_MACHINE_ARN',
  /** `production`, `local`, …: any name. */
  stage: 'STAGE',
  /** `true` on a test stage: there the clock can be moved. Never set in production. */
  testStage: 'TEST_STAGE',
  /** SHA-256 of the admin key in hexadecimal. */
  adminKeyHash: 'ADMIN_KEY_SHA256',
  /** JSON of a {@link NightSchedule}. */
  nightSchedule: 'NIGHT_SCHEDULE',
  /** Number of scan segments of a value run. */
  segments: 'SEGMENTS',
  /** `From` of outgoing e-mail. */
  sender: 'SENDER',
  /** `smtp://` or `smtps://` address; where it is set, e-mail leaves over SMTP instead of SES. */
  smtpUrl: 'SMTP_URL',
} as const;

export type Variable = (typeof variables)[keyof typeof variables];

/**
 * Reads required variables; an absent or empty one is a fault of the deployment.
 * @throws Error naming every variable that is missing
 */
export function readVariables<const Names extends readonly Variable[]>(
  environment: Record<string, string | undefined>,
  names: Names,
): Record<Names[number], string> {
  const missing = names.filter((name) => !environment[name]);
  if (missing.length > 0) throw new Error(`environment lacks ${missing.join(', ')}`);
  return Object.fromEntries(names.map((name) => [name, environment[name]])) as Record<Names[number], string>;
}
