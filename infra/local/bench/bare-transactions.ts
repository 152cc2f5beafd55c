import { type AttributeValue, DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';

/** What {@link handler} and the one of `bare-checkouts.ts` are told. */
export interface BareTransactions {
  tables: readonly [string, string];
  concurrency: number;
  seconds: number;
  /** Keeps the keys of one run apart from those of another. */
  run: string;
  /** Whether the SDK's own tokens go along, through all of which of ten minutes the embedded engine looks at each. */
  tokens: boolean;
}

const plain = new DynamoDBClient({});
const withoutTokens = new DynamoDBClient({});
withoutTokens.middlewareStack.add(
  (next) => (args) => {
    const request = args.request as { body: string; headers: Record<string, string> };
    request.body = request.body.replace(/"ClientRequestToken":"[^"]*",?/, '').replace(/,}$/, '}');
    request.headers['content-length'] = String(Buffer.byteLength(request.body));
    return next(args);
  },
  { step: 'build', priority: 'high' },
);

/** Two new items in one transaction, over and over; answers with how many a second were committed. */
export async function handler({ tables, concurrency, seconds, run, tokens }: BareTransactions): Promise<number> {
  const client = tokens ? plain : withoutTokens;
  const begun = performance.now();
  const end = begun + seconds * 1000;
  let done = 0;
  const work = async (worker: number) => {
    for (let number = 0; performance.now() < end; number++) {
      const id = `${run}-${worker}-${number}`;
      await client.send(
        new TransactWriteItemsCommand({ TransactItems: tables.map((TableName) => ({ Put: put(TableName, id) })) }),
      );
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, worker) => work(worker)));
  return (done / (performance.now() - begun)) * 1000;
}

function put(TableName: string, id: string) {
  const Item: Record<string, AttributeValue> = {
    pk: { S: id },
    version: { N: '1' },
    at: { S: '2026-01-01T00:00:00.000Z' },
    amount: { N: '4990' },
  };
  return { TableName, Item, ConditionExpression: 'attribute_not_exists(pk)' };
}
