import { AwsError } from '../aws/aws-error.ts';
import { Problem, StoreRefusal, storeUnavailable } from '../engine/problem.ts';
import { type AttributeMap, type Item, unpackItem } from './attribute-value.ts';

/** True where a single write failed on its condition. */
export function failedCondition(error: unknown): boolean {
  return answerBehind(error)?.name === 'ConditionalCheckFailedException';
}

/** The item on which a write's condition failed, where the write asked for it. */
export function itemInTheWay(error: unknown): Item | undefined {
  const { Item } = answerBehind(error)?.fields ?? {};
  return Item ? unpackItem(Item as AttributeMap) : undefined;
}

/** Somebody else wrote first. A transaction that was cancelled for want of capacity is a fault, not a conflict. */
export function isConflict(error: unknown): boolean {
  const answer = answerBehind(error);
  if (answer?.name === 'TransactionConflictException' || answer?.name === 'TransactionInProgressException') return true;
  const codes = cancellations(answer) ?? [];
  return (
    codes.length > 0 &&
    codes.every((code) => code === 'None' || code === 'ConditionalCheckFailed' || code === 'TransactionConflict')
  );
}

/**
 * What a call of the store failed with, in the words of the engine. Conflicts are among what passes: for a store that
 * does not ask about them trying again is right.
 */
export function storeFault(error: unknown): unknown {
  if (!(error instanceof AwsError)) return error;
  const codes = cancellations(error);
  if (error.passing || error.name === 'TransactionConflictException') return storeUnavailable(error);
  if (codes && !codes.some((code) => code === 'ValidationError' || code === 'ItemCollectionSizeLimitExceeded'))
    return storeUnavailable(error);
  const unstorable = ['ValidationException', 'SerializationException', 'TransactionCanceledException'];
  return new StoreRefusal(error, unstorable.includes(error.name));
}

/** Why the parts of a transaction were cancelled, in their order; nothing where this was no cancellation. */
function cancellations(error: AwsError | undefined): string[] | undefined {
  if (error?.name !== 'TransactionCanceledException') return undefined;
  const reasons = error.fields.CancellationReasons ?? [];
  return (reasons as { Code?: string }[]).map(({ Code }) => Code ?? 'None');
}

function answerBehind(error: unknown): AwsError | undefined {
  const told = error instanceof Problem || error instanceof StoreRefusal ? error.cause : undefined;
  return told instanceof AwsError ? told : undefined;
}
