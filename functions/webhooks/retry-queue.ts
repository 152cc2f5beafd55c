import { accessOf, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';

const { RETRY_QUEUE_URL: QueueUrl } = readVariables(process.env, [variables.retryQueue]);
const queue = jsonCaller('sqs', accessOf('sqs', process.env), {
  maxAttempts: 2,
  connectionTimeout: 500,
  requestTimeout: 1_000,
  firstPause: 100,
});

/** @throws AwsError */
export async function sendToQueue(MessageBody: string): Promise<void> {
  await queue.call('AmazonSQS.SendMessage', { QueueUrl, MessageBody });
}

/** @param seconds until the message comes again. @throws AwsError */
export async function postponeInQueue(ReceiptHandle: string, seconds: number): Promise<void> {
  await queue.call('AmazonSQS.ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: seconds });
}
