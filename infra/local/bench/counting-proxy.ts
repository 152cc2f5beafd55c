import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One call of DynamoDB as it was answered. */
export interface CountedCall {
  operation: string;
  /** What was sent. */
  input: Record<string, unknown>;
  /** Capacity units by the engine's own count, indexes included. */
  readUnits: number;
  writeUnits: number;
  /** The same by table. */
  tables: { table: string; readUnits: number; writeUnits: number }[];
}

export interface CountingProxy {
  url: string;
  calls: CountedCall[];
  stop(): Promise<void>;
}

interface Consumed {
  TableName?: string;
  CapacityUnits?: number;
  ReadCapacityUnits?: number;
  WriteCapacityUnits?: number;
}

const writes = new Set([
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'BatchWriteItem',
  'TransactWriteItems',
  'ExecuteStatement',
  'BatchExecuteStatement',
]);

/** Stands before the engine, asks it for the capacity that each call takes, and keeps count. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const calls: CountedCall[] = [];
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const operation = String(incoming.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
      const input = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      const body = Buffer.from(JSON.stringify({ ...input, ReturnConsumedCapacity: 'INDEXES' }));
      const headers = { ...incoming.headers, host: new URL(target).host, 'content-length': body.length };
      const onward = forward(target, { method: 'POST', headers }, (reply) => {
        const parts: Buffer[] = [];
        reply.on('data', (part: Buffer) => parts.push(part));
        reply.on('end', () => {
          const answered = Buffer.concat(parts);
          calls.push({ operation, input, ...unitsOf(operation, answered) });
          answer.writeHead(reply.statusCode ?? 500, reply.headers);
          answer.end(answered);
        });
      });
      onward.on('error', () => incoming.socket.destroy());
      onward.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function unitsOf(operation: string, answer: Buffer): Pick<CountedCall, 'readUnits' | 'writeUnits' | 'tables'> {
  const { ConsumedCapacity = [] } = JSON.parse(answer.toString()) as { ConsumedCapacity?: Consumed | Consumed[] };
  const writing = writes.has(operation);
  const tables = [ConsumedCapacity]
    .flat()
    .map(({ TableName = '', CapacityUnits = 0, ReadCapacityUnits, WriteCapacityUnits }) => ({
      table: TableName,
      readUnits: ReadCapacityUnits ?? (writing ? 0 : CapacityUnits),
      writeUnits: WriteCapacityUnits ?? (writing ? CapacityUnits : 0),
    }));
  const sum = (unit: 'readUnits' | 'writeUnits') => tables.reduce((total, one) => total + one[unit], 0);
  return { tables, readUnits: sum('readUnits'), writeUnits: sum('writeUnits') };
}
