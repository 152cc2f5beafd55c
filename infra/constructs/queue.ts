import { Duration, Validations } from 'aws-cdk-lib';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

const encryptedAndOverTlsOnly = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true } as const;

/** The end of an asynchronous edge: what nothing could take, kept for as long as SQS keeps anything. */
export class DeadLetterQueue extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', { ...encryptedAndOverTlsOnly, retentionPeriod: Duration.days(14) });
    Validations.of(this.queue).acknowledge({
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue: of a stream or a schedule, which the rule does not see.',
    });
  }
}

/** A queue of work, read by one function. */
export class WorkQueue extends Construct {
  readonly queue: Queue;

  /**
   * @param props.workTimeout time-out of the function; a message stays hidden for six times as long, as Lambda advises
   * @param props.attempts how often a message is tried before it is a dead letter
   */
  constructor(
    scope: Construct,
    id: string,
    props: { workTimeout: Duration; attempts: number; deadLetters: DeadLetterQueue },
  ) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      ...encryptedAndOverTlsOnly,
      visibilityTimeout: Duration.seconds(6 * props.workTimeout.toSeconds()),
      retentionPeriod: Duration.days(14),
      deadLetterQueue: { queue: props.deadLetters.queue, maxReceiveCount: props.attempts },
    });
  }
}
