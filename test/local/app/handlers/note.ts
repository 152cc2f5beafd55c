import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';

const dynamodb = new DynamoDBClient({});

export async function handler({ detail }: { detail: { id: string } }) {
  if (detail.id.startsWith('thing-unnoted')) throw new Error('not this one');
  await dynamodb.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: `note-${detail.id}` } } }));
}
