/** Identifiers in `batchItemFailures`; an answer of another shape fails the whole batch. */
export function failedItems(value: unknown): string[] | 'malformed' {
  if (value === null || value === '' || value === undefined) return [];
  if (typeof value !== 'object') return 'malformed';
  const { batchItemFailures } = value as { batchItemFailures?: unknown };
  if (batchItemFailures === undefined || batchItemFailures === null) return [];
  if (!Array.isArray(batchItemFailures)) return 'malformed';
  const identifiers = batchItemFailures.map((item: { itemIdentifier?: unknown } | null) => item?.itemIdentifier);
  return identifiers.every((id): id is string => typeof id === 'string' && id !== '') ? identifiers : 'malformed';
}
