import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { storeUnavailable } from '../engine/problem.ts';

export type Client = DynamoDBDocumentClient;

/**
 * Endpoint, region and credentials come from the environment. Numbers beyond 2^53 are read as bigint.
 * @param patience `requestTimeout` in milliseconds for one attempt, `maxAttempts` with growing waits between
 */
export function connect(patience: { requestTimeout?: number; maxAttempts?: number } = {}): Client {
  const client = new DynamoDBClient({
    maxAttempts: patience.maxAttempts ?? 4,
    requestHandler: {
      connectionTimeout: 1_000,
      requestTimeout: patience.requestTimeout ?? 10_000,
      throwOnRequestTimeout: true,
    },
  });
  return DynamoDBDocumentClient.from(client, {
    marshallOptions: { removeUndefinedValues: true },
    unmarshallOptions,
  });
}

/** How items are read, from calls and from streams alike. */
export const unmarshallOptions = { wrapNumbers: readNumber };

function readNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}

/** Names of the tables, as infra gives them to the function; one that a function may not touch is absent. */
export interface TableNames {
  customers: string;
  ledger: string;
  outreach: string;
  registry: string;
}

/** Pages of Query and Scan: without a limit the embedded engine is quadratic in the table. */
export const pageSize = 1000;

/** True where a single write failed on its condition. */
export function failedCondition(error: unknown): boolean {
  return error instanceof Error && error.name === 'ConditionalCheckFailedException';
}

/** Somebody else wrote first. A transaction that was cancelled for want of capacity is a fault, not a conflict. */
export function isConflict(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'TransactionConflictException' || error.name === 'TransactionInProgressException') return true;
  if (error.name !== 'TransactionCanceledException' || !('CancellationReasons' in error)) return false;
  const codes = (error.CancellationReasons as { Code?: string }[]).map(({ Code }) => Code ?? 'None');
  return codes.every((code) => code === 'None' || code === 'ConditionalCheckFailed' || code === 'TransactionConflict');
}

/** For what the store left undone without an error: it is tried again as a throttled call is. */
export function throttled(what: string): Error {
  const error = new Error(what);
  error.name = 'ThrottlingException';
  return error;
}

/** What a store's call throws, in the words of the engine: faults that pass are a {@link storeUnavailable}. */
export function storeFault(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const passing = [
    'ProvisionedThroughputExceededException',
    'RequestLimitExceeded',
    'ThrottlingException',
    'ThrottlingError',
    'InternalServerError',
    'InternalServerErrorException',
    'ServiceUnavailable',
    'ServiceUnavailableException',
    'TransactionInProgressException',
    'TransactionConflictException',
    'LimitExceededException',
    'TimeoutError',
    'AbortError',
  ];
  const code = 'code' in error ? error.code : undefined;
  const network = typeof code === 'string' && /^(E[A-Z]+|UND_ERR_\w+)$/.test(code);
  const status = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined;
  return passing.includes(error.name) || isPassingCancellation(error) || network || (status ?? 0) >= 500
    ? storeUnavailable(error)
    : error;
}

/** Makes a call of the store; what it throws is turned into the words of the engine by {@link storeFault}. */
export async function guarded<Answer>(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw storeFault(error);
  }
}

/** A transaction that was cancelled for want of capacity or by another one; not one that the store will never take. */
function isPassingCancellation(error: Error): boolean {
  if (error.name !== 'TransactionCanceledException') return false;
  const reasons = 'CancellationReasons' in error ? (error.CancellationReasons as { Code?: string }[]) : [];
  return !reasons.some(({ Code }) => Code === 'ValidationError' || Code === 'ItemCollectionSizeLimitExceeded');
}
