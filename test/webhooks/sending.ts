import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Fault, FaultProxy } from '../fault-proxy.ts';
import type { Signed } from '../signed.ts';
import type { Door } from './door.ts';
import type { RetryQueue } from './retry-queue.ts';

/** How the messages of a history come in, whatever the platform. */

const faults: Fault[] = ['throttled', 'server-error', 'conflict', 'lost-answer', 'unprocessed', 'refused'];

/**
 * What goes wrong with the calls of the store, one after the other: now and then so many in a row that the client gives up,
 * and whoever was at work breaks off wherever it was.
 */
export const storeFaults: fc.Arbitrary<Fault[]> = fc
  .array(fc.record({ after: fc.nat(8), fault: fc.constantFrom(...faults), times: fc.integer({ min: 1, max: 10 }) }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((outages) =>
    outages.flatMap(({ after, fault, times }) => [
      ...Array.from({ length: after }, () => 'none' as const),
      ...Array.from({ length: times }, () => fault),
    ]),
  );

/** In which order messages come, which of them twice, by how many senders at once, and what fails on the way. */
export const sendings = fc.record({
  shuffle: fc.array(fc.nat(), { minLength: 50, maxLength: 50 }),
  repeats: fc.array(fc.nat(), { maxLength: 4 }),
  senders: fc.integer({ min: 1, max: 4 }),
  faults: storeFaults,
});
type Sending = typeof sendings extends fc.Arbitrary<infer Way> ? Way : never;

/** Lets the calls of the store fail as planned while something is done; then they succeed again. */
export async function whileFailing(proxy: FaultProxy, planned: readonly Fault[], act: () => Promise<void>) {
  const left = [...planned];
  proxy.plan = () => left.shift() ?? 'none';
  try {
    await act();
  } finally {
    proxy.plan = () => 'none';
  }
}

/**
 * Sends all messages in one of the ways, each of them until it is taken.
 * @param queue worked off meanwhile and, once nothing fails any more, to its end
 */
export async function sendAll(
  door: Door,
  sourceId: string,
  messages: Signed[],
  way: Sending,
  queue?: RetryQueue,
): Promise<void> {
  const left = [...messages, ...way.repeats.flatMap((n) => messages[n % messages.length] ?? [])]
    .map((message, index) => ({ message, place: way.shuffle[index % way.shuffle.length] ?? 0 }))
    .sort((a, b) => a.place - b.place);
  const sender = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { message } = next;
      await untilTaken(() => door.deliver(sourceId, message));
    }
  };
  const worker = async () => {
    for (; queue && left.length > 0; await wait(2)) await queue.work();
  };
  await whileFailing(door.proxy, way.faults, async () => {
    await Promise.all([...Array.from({ length: way.senders }, sender), worker()]);
  });
  await queue?.workAll();
}

/** As a shop does: what was not answered with a 2xx is sent again. */
export async function untilTaken(deliver: () => ReturnType<Door['deliver']>): Promise<void> {
  for (let attempt = 0; attempt < 30; attempt++) {
    const { status, body } = await deliver();
    if (status === 503) continue;
    expect({ status, body }).toMatchObject({
      status: 202,
      body: { status: expect.stringMatching(/^(recorded|duplicate|ignored)$/) },
    });
    return;
  }
  throw new Error('never taken');
}
