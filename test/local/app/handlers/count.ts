import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';

const dynamodb = new DynamoDBClient({});

/** Counts to `of`, one with each call. */
export async function handler(input: { id: string; of: number; at?: number }) {
  const at = (input.at ?? 0) + 1;
  await dynamodb.send(
    new UpdateItemCommand({
      TableName: process.env.TABLE,
      Key: { id: { S: `thing-${input.id}` } },
      UpdateExpression: 'SET seen = :at',
      ExpressionAttributeValues: { ':at': { N: String(at) } },
    }),
  );
  return { ...input, at, done: at >= input.of };
}
