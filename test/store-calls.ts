import { vi } from 'vitest';
import type { Client } from '../shared/dynamodb/client.ts';

/** One call of a store, before the client does anything with it. */
export interface StoreCall {
  /** `Scan`, `BatchExecuteStatement` … */
  operation: string;
  input: Record<string, unknown>;
  /** Does the call; with another input where one is given. */
  send(input?: Record<string, unknown>): Promise<unknown>;
}

const operations = {
  get: 'Get',
  put: 'Put',
  update: 'Update',
  delete: 'Delete',
  query: 'Query',
  scan: 'Scan',
  batchGet: 'BatchGet',
  batchWrite: 'BatchWrite',
  transactWrite: 'TransactWrite',
  batchExecuteStatement: 'BatchExecuteStatement',
} as const satisfies Partial<Record<keyof Client, string>>;

/**
 * Puts itself between stores and their client.
 * @param client the client, or the prototype of all
 * @returns takes itself away again
 */
export function betweenCalls(client: Client, around: (call: StoreCall) => Promise<unknown>): () => void {
  const spies = (Object.keys(operations) as (keyof typeof operations)[]).map((method) => {
    const original = client[method] as (input: object) => Promise<unknown>;
    return vi.spyOn(client, method).mockImplementation(function (this: Client, input: object) {
      const send = (other: object = input) => Reflect.apply(original, this, [other]) as Promise<unknown>;
      return around({ operation: operations[method], input: { ...input }, send }) as never;
    });
  });
  return () => {
    for (const spy of spies) spy.mockRestore();
  };
}
