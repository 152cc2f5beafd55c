/** A process of its own for one nightly function, as a Lambda container is: it says how much memory that took. */
export interface MemoryOrder {
  /** `file:` URL of the function's bundle. */
  bundle: string;
  event: object;
}

/** Bytes, at most. */
export interface MemoryResult {
  /** What is left of the heap when its garbage has been collected: what the worker holds on to. */
  heap: number;
  resident: number;
}

process.once('message', (order: MemoryOrder) => {
  run(order).then(
    (result) => process.send?.(result, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run({ bundle, event }: MemoryOrder): Promise<MemoryResult> {
  const { handler } = (await import(bundle)) as {
    handler: (event: object, context: object) => Promise<{ done: boolean }>;
  };
  let heap = 0;
  const watch = setInterval(() => {
    globalThis.gc?.();
    heap = Math.max(heap, process.memoryUsage().heapUsed);
  }, 200);
  // Time without end: the one invocation takes the whole segment.
  const { done } = await handler(event, { getRemainingTimeInMillis: () => 600_000 });
  clearInterval(watch);
  if (!done) throw new Error('the segment was not finished');
  return { heap, resident: process.resourceUsage().maxRSS * 1024 };
}
