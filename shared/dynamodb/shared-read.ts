interface Reads<Answer> {
  underWay?: Promise<Answer>;
  next?: Promise<Answer>;
}

/**
 * Lets callers who come at once share a read. One that is under way when a caller comes may have missed what was
 * written just before: that caller shares the next one, which begins when the other has ended.
 */
export function sharedRead<Answer>(fetch: (key: string) => Promise<Answer>): (key: string) => Promise<Answer> {
  const byKey = new Map<string, Reads<Answer>>();

  function begin(key: string, reads: Reads<Answer>): Promise<Answer> {
    byKey.set(key, reads);
    delete reads.next;
    const underWay = fetch(key).finally(() => {
      if (reads.underWay !== underWay) return;
      delete reads.underWay;
      if (!reads.next) byKey.delete(key);
    });
    reads.underWay = underWay;
    return underWay;
  }

  return (key) => {
    const reads = byKey.get(key) ?? {};
    if (!reads.underWay && !reads.next) return begin(key, reads);
    const after = () => begin(key, reads);
    reads.next ??= (reads.underWay ?? Promise.resolve()).then(after, after);
    return reads.next;
  };
}
