import { join } from 'node:path';
import { knownProperties } from './properties.ts';
import { Queue } from './queue.ts';
import { StartError } from './start-error.ts';
import type { Template } from './template.ts';

interface QueueProperties {
  VisibilityTimeout?: number;
  DelaySeconds?: number;
  RedrivePolicy?: { deadLetterTargetArn: string; maxReceiveCount: number | string };
}

const meaningless = [
  'QueueName',
  'MessageRetentionPeriod',
  'SqsManagedSseEnabled',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'MaximumMessageSize',
  'ReceiveMessageWaitTimeSeconds',
  'RedriveAllowPolicy',
];

/** The queues of the template, by name. Messages stay until they are deleted: the local stack has no retention period. */
export async function openQueues(template: Template, folder: string): Promise<Map<string, Queue>> {
  const queues = new Map<string, Queue>();
  for (const resource of template.of('AWS::SQS::Queue')) {
    const {
      VisibilityTimeout = 30,
      DelaySeconds = 0,
      RedrivePolicy,
    } = knownProperties<QueueProperties>(resource, ['VisibilityTimeout', 'DelaySeconds', 'RedrivePolicy'], meaningless);
    const target = RedrivePolicy && template.find('AWS::SQS::Queue', RedrivePolicy.deadLetterTargetArn);
    if (RedrivePolicy && !target)
      throw new StartError(`${resource.label}: there is no dead-letter queue ${RedrivePolicy.deadLetterTargetArn}`);
    const deadLetters = target?.name ?? '';
    const queue = await Queue.open(join(folder, `${fileName(resource.name)}.journal`), {
      name: resource.name,
      arn: template.arn(resource),
      visibilityTimeout: VisibilityTimeout,
      delay: DelaySeconds,
      ...(RedrivePolicy
        ? {
            redrive: {
              queue: () => queueOf(queues, deadLetters),
              maxReceiveCount: Number(RedrivePolicy.maxReceiveCount),
            },
          }
        : {}),
    });
    queues.set(resource.name, queue);
  }
  return queues;
}

function queueOf(queues: ReadonlyMap<string, Queue>, name: string): Queue {
  const queue = queues.get(name);
  if (!queue) throw new StartError(`there is no queue ${name}`);
  return queue;
}

/**
 * The queue that a property names by its ARN.
 * @throws StartError where it is not one of the template's
 */
export function queueByArn(template: Template, queues: ReadonlyMap<string, Queue>, arn: string, label: string): Queue {
  const resource = template.find('AWS::SQS::Queue', arn);
  if (!resource) throw new StartError(`${label} names ${arn}, which is no queue of the template`);
  return queueOf(queues, resource.name);
}

export function fileName(name: string): string {
  return name.replace(/[^\w.-]/g, '_');
}
