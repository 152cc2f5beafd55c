import type { Client } from '../../shared/dynamodb/client.ts';

type Plan = { call: number; how: 'before' | 'after' | 'lost answer' };

/** Faults between a function and its store, by the number of the call. */
export class Faults {
  calls = 0;
  #plan: Plan | undefined;

  constructor(client: Client) {
    // Before the client's own retries: the function does not get over it.
    client.middlewareStack.add(
      (next) => async (args) => {
        const call = ++this.calls;
        if (this.#is(call, 'before')) throw new Error('broke off');
        const answer = await next(args);
        if (this.#is(call, 'after')) throw new Error('broke off');
        return answer;
      },
      { step: 'initialize', name: 'breakOff', priority: 'high' },
    );
    // Behind them: the client asks again.
    client.middlewareStack.add(
      (next) => async (args) => {
        const answer = await next(args);
        if (!this.#is(this.calls, 'lost answer')) return answer;
        this.#plan = undefined;
        throw Object.assign(new Error('answer lost'), { name: 'TimeoutError' });
      },
      { step: 'finalizeRequest', name: 'loseAnswer', priority: 'low' },
    );
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
