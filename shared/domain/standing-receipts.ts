/** What a receipt says of the one before it. */
interface Link {
  runId: string;
  /** Null where there was none; absent in receipts from before it was noted. */
  previousRunId?: string | null;
}

/**
 * The receipts that a standing came of, the latest first. Each names the run of the one before it; one that none names is of
 * a run that broke off before it reached the customer, and is passed over; one of a time ahead of the clock, which was given
 * back since, is named by one of an earlier time. Where a link is missing the rest is believed as it comes.
 * @param receipts of one customer, the latest first; no more of them are asked for than are needed
 * @param runId of the standing; null where there is none, `undefined` where the latest receipt is known to stand
 */
export async function* standingReceipts<Receipt extends Link>(
  receipts: AsyncIterable<Receipt> | Iterable<Receipt>,
  runId: string | null | undefined,
): AsyncGenerator<Receipt> {
  let expected = runId;
  const passed = new Map<string, Receipt>();
  let sinceLast: Receipt[] = [];
  for await (const receipt of receipts) {
    if (expected === null) return;
    if (expected !== undefined && receipt.runId !== expected) {
      passed.set(receipt.runId, receipt);
      sinceLast.push(receipt);
      continue;
    }
    sinceLast = [];
    let found: Receipt | undefined = receipt;
    while (found) {
      yield found;
      passed.delete(found.runId);
      expected = found.previousRunId;
      found = typeof expected === 'string' ? passed.get(expected) : undefined;
    }
  }
  if (expected !== null && sinceLast.length > 0) yield* standingReceipts(sinceLast, undefined);
}
