import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';

/** What the webhook function's init is compared with: a handler with the DynamoDB client and nothing else. */
const client = new DynamoDBClient({});

export async function handler({ table, key }: { table: string; key: string }) {
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: { pk: { S: key } } }));
  return Item;
}
