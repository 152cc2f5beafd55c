import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});

export async function handler({ Records }: SQSEvent) {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { body, messageId } of Records) {
    const { id } = JSON.parse(body).detail as { id: string };
    if (id.startsWith('thing-unnoted')) batchItemFailures.push({ itemIdentifier: messageId });
    else await dynamodb.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: `note-${id}` } } }));
  }
  return { batchItemFailures };
}
