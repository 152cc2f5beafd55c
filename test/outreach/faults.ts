import type { Client } from '../../shared/dynamodb/client.ts';
import type { FaultProxy } from '../fault-proxy.ts';
import { betweenCalls } from '../store-calls.ts';

type Plan = { call: number; how: 'before' | 'after' | 'lost answer' };

/** Faults between a function and its store, by the number of the call. */
export class Faults {
  calls = 0;
  #plan: Plan | undefined;

  /** @param proxy between the client and the engine */
  constructor(client: Client, proxy: FaultProxy) {
    // Before the client's own retries: the function does not get over it.
    betweenCalls(client, async ({ send }) => {
      const call = ++this.calls;
      if (this.#is(call, 'before')) throw new Error('broke off');
      const answer = await send();
      if (this.#is(call, 'after')) throw new Error('broke off');
      return answer;
    });
    // Behind them: the client asks again.
    proxy.plan = () => {
      if (!this.#is(this.calls, 'lost answer')) return 'none';
      this.#plan = undefined;
      return 'lost-answer';
    };
  }

  count(): void {
    this.calls = 0;
    this.#plan = undefined;
  }

  none(): void {
    this.#plan = undefined;
  }

  breakOff(call: number, how: 'before' | 'after'): void {
    this.count();
    this.#plan = { call, how };
  }

  loseAnswer(call: number): void {
    this.count();
    this.#plan = { call, how: 'lost answer' };
  }

  #is(call: number, how: Plan['how']): boolean {
    return this.#plan?.call === call && this.#plan.how === how;
  }
}
