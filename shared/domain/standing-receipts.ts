/** What a receipt says of the one before it. */
interface Link {
  runId: string;
  /** Null where there was none; absent in receipts from before it was noted. */
  previousRunId?: string | null;
}

/**
 * The receipts that a standing came of, the latest first. Each names the run of the one before it; one that none names is of
 * a run that broke off before it reached the customer, and is passed over. Where a link is missing (a run was held at a time
 * ahead of the clock, and a later one was not) the rest is believed as it comes.
 * @param receipts of one customer, the latest first; no more of them are asked for than are needed
 * @param runId of the standing; null where there is none, `undefined` where the latest receipt is known to stand
 */
export async function* standingReceipts<Receipt extends Link>(
  receipts: AsyncIterable<Receipt> | Iterable<Receipt>,
  runId: string | null | undefined,
): AsyncGenerator<Receipt> {
  let expected = runId;
  let passed: Receipt[] = [];
  for await (const receipt of receipts) {
    if (expected === null) return;
    if (expected !== undefined && receipt.runId !== expected) {
      passed.push(receipt);
      continue;
    }
    passed = [];
    yield receipt;
    expected = receipt.previousRunId;
  }
  if (expected !== null && passed.length > 0) yield* standingReceipts(passed, undefined);
}
