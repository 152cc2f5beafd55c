import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { SQSEvent } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});

export async function handler({ Records }: SQSEvent) {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { body, messageId } of Records) {
    const { id } = JSON.parse(body).detail as { id: string };
    if (id.startsWith('thing-unnoted') && !(await isThere('other-mended')))
      batchItemFailures.push({ itemIdentifier: messageId });
    else await dynamodb.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: `note-${id}` } } }));
  }
  return { batchItemFailures };
}

async function isThere(id: string): Promise<boolean> {
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: process.env.TABLE, Key: { id: { S: id } } }));
  return Item !== undefined;
}
