import { maximumMessageBytes, md5, type Queue, type Received } from './queue.ts';
import { ServiceError } from './services.ts';

interface SendEntry {
  Id?: string;
  MessageBody?: string;
  DelaySeconds?: number;
  MessageAttributes?: Record<string, unknown>;
}

interface Input extends SendEntry {
  QueueUrl?: string;
  QueueName?: string;
  Entries?: (SendEntry & { ReceiptHandle?: string; VisibilityTimeout?: number })[];
  ReceiptHandle?: string;
  VisibilityTimeout?: number;
  MaxNumberOfMessages?: number;
  WaitTimeSeconds?: number;
  AttributeNames?: string[];
  MessageSystemAttributeNames?: string[];
}

/**
 * SQS in its JSON 1.0 protocol, over the queues of the template.
 * @param urlOf the address by which the functions know a queue
 */
export function sqs(queues: ReadonlyMap<string, Queue>, urlOf: (name: string) => string) {
  const find = (input: Input): Queue => {
    const name = input.QueueName ?? input.QueueUrl?.split('/').pop() ?? '';
    const queue = queues.get(name);
    if (!queue)
      throw new ServiceError('QueueDoesNotExist', `there is no queue ${name}`, {
        query: 'AWS.SimpleQueueService.NonExistentQueue',
      });
    return queue;
  };

  return async (action: string, raw: unknown): Promise<object> => {
    const input = raw as Input;
    const queue = find(input);
    switch (action) {
      case 'GetQueueUrl':
        return { QueueUrl: urlOf(queue.settings.name) };
      case 'SendMessage': {
        const { id, md5: hash } = await send(queue, input);
        return { MessageId: id, MD5OfMessageBody: hash };
      }
      case 'SendMessageBatch':
        return batch(input, async (entry) => {
          const { id, md5: hash } = await send(queue, entry);
          return { MessageId: id, MD5OfMessageBody: hash };
        });
      case 'ReceiveMessage': {
        const max = within(input.MaxNumberOfMessages ?? 1, 1, 10, 'MaxNumberOfMessages');
        const wait = within(input.WaitTimeSeconds ?? 0, 0, 20, 'WaitTimeSeconds');
        const found = await queue.receive(max, wait * 1000, input.VisibilityTimeout);
        return { Messages: found.map((message) => received(message)) };
      }
      case 'DeleteMessage':
        await queue.delete(input.ReceiptHandle ?? '');
        return {};
      case 'DeleteMessageBatch':
        return batch(input, async (entry) => {
          await queue.delete(entry.ReceiptHandle ?? '');
          return {};
        });
      case 'ChangeMessageVisibility': {
        const seconds = within(input.VisibilityTimeout ?? 0, 0, 43_200, 'VisibilityTimeout');
        if (!queue.changeVisibility(input.ReceiptHandle ?? '', seconds))
          throw new ServiceError('MessageNotInflight', 'the message is not in flight');
        return {};
      }
      case 'PurgeQueue':
        await queue.purge();
        return {};
      case 'GetQueueAttributes': {
        const { visible, inFlight, delayed } = queue.counts();
        return {
          Attributes: {
            QueueArn: queue.settings.arn,
            ApproximateNumberOfMessages: String(visible),
            ApproximateNumberOfMessagesNotVisible: String(inFlight),
            ApproximateNumberOfMessagesDelayed: String(delayed),
            VisibilityTimeout: String(queue.settings.visibilityTimeout),
            DelaySeconds: String(queue.settings.delay),
          },
        };
      }
      default:
        throw new ServiceError('UnsupportedOperation', `the local SQS does not know ${action}`);
    }
  };
}

async function send(queue: Queue, { MessageBody, DelaySeconds, MessageAttributes }: SendEntry) {
  if (!MessageBody) throw new ServiceError('MissingParameter', 'The request must contain the parameter MessageBody.');
  if (Buffer.byteLength(MessageBody) > maximumMessageBytes)
    throw new ServiceError('InvalidParameterValue', `a message has at most ${maximumMessageBytes} bytes`);
  return queue.send(MessageBody, {
    ...(DelaySeconds === undefined ? {} : { delaySeconds: within(DelaySeconds, 0, 900, 'DelaySeconds') }),
    ...(MessageAttributes === undefined ? {} : { attributes: MessageAttributes }),
  });
}

type BatchEntry = NonNullable<Input['Entries']>[number];

async function batch({ Entries = [] }: Input, one: (entry: BatchEntry) => Promise<object>): Promise<object> {
  if (Entries.length === 0) throw new ServiceError('EmptyBatchRequest', 'a batch has at least one entry');
  if (Entries.length > 10) throw new ServiceError('TooManyEntriesInBatchRequest', 'a batch has at most ten entries');
  if (new Set(Entries.map(({ Id }) => Id)).size !== Entries.length)
    throw new ServiceError('BatchEntryIdsNotDistinct', 'two entries of the batch have the same id');
  const bytes = Entries.reduce((sum, { MessageBody = '' }) => sum + Buffer.byteLength(MessageBody), 0);
  if (bytes > maximumMessageBytes)
    throw new ServiceError('BatchRequestTooLong', `a batch has at most ${maximumMessageBytes} bytes`);
  const results = await Promise.all(
    Entries.map(async (entry) => {
      try {
        return { done: { Id: entry.Id, ...(await one(entry)) } };
      } catch (error) {
        const known = error instanceof ServiceError;
        const Code = known ? error.code : 'InternalError';
        return { failed: { Id: entry.Id, SenderFault: known, Code, Message: (error as Error).message } };
      }
    }),
  );
  return {
    Successful: results.flatMap(({ done }) => done ?? []),
    Failed: results.flatMap(({ failed }) => failed ?? []),
  };
}

function received(message: Received): object {
  return {
    MessageId: message.id,
    ReceiptHandle: message.receiptHandle,
    Body: message.body,
    MD5OfBody: md5(message.body),
    Attributes: systemAttributes(message),
    ...(message.attributes ? { MessageAttributes: message.attributes } : {}),
  };
}

export function systemAttributes(message: Received): Record<string, string> {
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    SentTimestamp: String(message.sentAt),
    SenderId: 'local',
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt ?? message.sentAt),
  };
}

function within(value: number, least: number, most: number, name: string): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new ServiceError('InvalidParameterValue', `${name} lies between ${least} and ${most}`);
}
