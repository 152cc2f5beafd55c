import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DescribeExecutionCommand, SFNClient, StartExecutionCommand } from '@aws-sdk/client-sfn';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const sfn = new SFNClient({});

export async function handler(event: APIGatewayProxyEventV2, context: Context) {
  switch (event.routeKey) {
    case 'GET /slow':
      await new Promise((resolve) => setTimeout(resolve, 60_000));
      return {};
    case 'GET /crash':
      setImmediate(() => {
        throw new Error('with a secret in it');
      });
      return new Promise(() => undefined);
    case 'GET /fail':
      throw new Error('with a secret in it');
    case 'POST /runs': {
      const name = event.queryStringParameters?.name;
      const { executionArn } = await sfn.send(
        new StartExecutionCommand({ stateMachineArn: process.env.MACHINE, name, input: event.body }),
      );
      for (;;) {
        const { status, output } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
        if (status !== 'RUNNING') return { statusCode: 200, body: JSON.stringify({ status, output }) };
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    case 'POST /things/{id}': {
      const id = event.pathParameters?.id ?? '';
      await dynamodb.send(
        new PutItemCommand({ TableName: process.env.TABLE, Item: { id: { S: id }, kind: { S: 'thing' } } }),
      );
      if (event.queryStringParameters?.queue)
        await sqs.send(
          new SendMessageCommand({ QueueUrl: process.env.QUEUE, MessageBody: JSON.stringify({ detail: { id } }) }),
        );
      return { statusCode: 202, body: JSON.stringify({ id }) };
    }
    default:
      return {
        statusCode: 200,
        headers: { 'content-type': 'application/json' },
        cookies: ['a=1', 'b=2'],
        body: JSON.stringify({
          event,
          environment: Object.keys(process.env).sort(),
          context: { ...context, remaining: context.getRemainingTimeInMillis() },
        }),
      };
  }
}
