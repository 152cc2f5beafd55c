import { ArnFormat, Duration, Fn, Stack } from 'aws-cdk-lib';
import { type EventBus, type EventPattern, Match, Rule } from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import { type Channel, channels, type EventType, eventSource } from '../../shared/contracts/events.ts';
import type { BoundTable } from './bound-table.ts';
import type { FunctionFactory, RapportFunction } from './function.ts';
import { DeadLetterQueue, WorkQueue } from './queue.ts';

export interface OutreachProps {
  tables: { customers: BoundTable; ledger: BoundTable; outreach: BoundTable; registry: BoundTable };
  bus: EventBus;
  createFunction: FunctionFactory;
  /** `From` of e-mail; its domain or address is the only identity that may be used. */
  sender: string;
  smtpUrl?: string;
}

/** EventBridge's own most: 185 attempts within a day. */
const untilTheNextDay = { retryAttempts: 185, maxEventAge: Duration.hours(24) };

/** From what happened to what is said: a queue holds, plan decides; the queue of the channel holds, deliver sends. */
export class Outreach extends Construct {
  constructor(scope: Construct, id: string, props: OutreachProps) {
    super(scope, id);
    planOf(this, props);
    for (const channel of channels) channelOf(this, channel, props);
  }
}

const planTimeout = Duration.seconds(30);

function planOf(scope: Construct, { tables, bus, createFunction }: OutreachProps): void {
  const deadLetters = new DeadLetterQueue(scope, 'PlanDeadLetters');
  // A store may be away for hours, and every decision can still be made then: a try every three minutes for twelve hours.
  const { queue } = new WorkQueue(scope, 'Occasions', { workTimeout: planTimeout, attempts: 240, deadLetters });
  const plan = createFunction(scope, 'Plan', {
    entry: 'functions/outreach/plan.ts',
    description: 'Decides on outreach after an order or a change of tier',
    timeout: planTimeout,
    memorySize: 512,
  })
    .reads(tables.customers, tables.registry, tables.outreach)
    .writes(tables.outreach)
    .tells('PlanningBrokeOff');
  plan.lambda.addEventSource(
    new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency: 10 }),
  );
  const target = new SqsQueue(queue, { deadLetterQueue: deadLetters.queue, ...untilTheNextDay });

  new Rule(scope, 'AfterOrder', {
    eventBus: bus,
    description: 'A first order that is neither history nor a test',
    eventPattern: pattern('InteractionRecorded', { type: ['order'], first: [true], backfill: [false], test: [false] }),
    targets: [target],
  });
  new Rule(scope, 'AfterTierChange', {
    eventBus: bus,
    description: 'A customer entered another tier',
    eventPattern: pattern('TierChanged', { customerId: Match.exists() }),
    targets: [target],
  });
}

const deliverTimeout = Duration.seconds(30);

function channelOf(scope: Construct, channel: Channel, props: OutreachProps): void {
  const name = channel.charAt(0).toUpperCase() + channel.slice(1);
  const deadLetters = new DeadLetterQueue(scope, `${name}DeadLetters`);
  const { queue } = new WorkQueue(scope, `${name}Jobs`, { workTimeout: deliverTimeout, attempts: 20, deadLetters });
  new Rule(scope, `Requested${name}`, {
    eventBus: props.bus,
    description: `Outreach by ${channel}`,
    eventPattern: pattern('OutreachRequested', { channel: [channel] }),
    targets: [new SqsQueue(queue, { deadLetterQueue: deadLetters.queue, ...untilTheNextDay })],
  });

  const { customers, ledger, outreach, registry } = props.tables;
  const deliver = props
    .createFunction(scope, `Deliver${name}`, {
      entry: 'functions/outreach/deliver.ts',
      description: `Sends outreach by ${channel}`,
      timeout: deliverTimeout,
      memorySize: 512,
    })
    .reads(outreach, customers, registry, ledger)
    .writes(outreach, customers, ledger)
    .tells('OutreachFailed', 'OutreachUnconfirmed', 'SendingBrokeOff');
  deliver.lambda.addEventSource(
    new SqsEventSource(queue, { batchSize: 10, reportBatchItemFailures: true, maxConcurrency: 10 }),
  );
  mayUse[channel](deliver, props);
}

/** What a channel's provider asks for, beside what every channel needs. */
const mayUse: Record<Channel, (deliver: RapportFunction, props: OutreachProps) => void> = {
  email(deliver, { sender, smtpUrl }) {
    deliver.set(variables.sender, sender);
    if (smtpUrl !== undefined) {
      deliver.set(variables.smtpUrl, smtpUrl);
      return;
    }
    const stack = Stack.of(deliver);
    const identity = (name: string) =>
      stack.formatArn({
        service: 'ses',
        resource: 'identity',
        resourceName: name,
        arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      });
    const address = addressOf(sender);
    const domain = Fn.select(1, Fn.split('@', address));
    // SES asks for the second action where the message is given raw, whichever call it comes by.
    deliver.may(['ses:SendEmail', 'ses:SendRawEmail'], [identity(address), identity(domain)]);
  },
};

/** `shop@example.com` of `Shop <shop@example.com>`. */
function addressOf(sender: string): string {
  return /<(.+)>$/.exec(sender)?.[1] ?? sender;
}

function pattern(type: EventType, detail: Record<string, (string | boolean)[]>): EventPattern {
  return { source: [eventSource], detailType: [type], detail };
}
