import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import type { Context, EventBridgeEvent, SQSRecord } from 'aws-lambda';
import type { EventDetails } from '../../shared/contracts/events.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import type { OutreachJob } from '../../shared/domain/outreach-job.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { itemOf } from '../../shared/dynamodb/customer-item.ts';
import { clockKey, tierPolicyKey } from '../../shared/dynamodb/keys.ts';
import { type JobPage, listJobs } from '../../shared/dynamodb/outreach-list.ts';
import { OutreachStore } from '../../shared/dynamodb/outreach-store.ts';
import { readSettings } from '../../shared/dynamodb/settings.ts';
import { suppress } from '../../shared/dynamodb/suppression.ts';
import { type Embedded, sdkClient, startEmbedded } from '../embedded.ts';

/** When everything happens: the test clock holds this. */
export const today = '2026-03-01T10:00:00.000Z';

/** Tables with a policy and a held clock, and what tests look at and put into them. */
export class Shop {
  readonly client: DynamoDBDocumentClient;
  /** As {@link client}, for stores. */
  readonly store: Client;
  readonly embedded: Embedded;

  private constructor(embedded: Embedded) {
    this.embedded = embedded;
    this.client = sdkClient(embedded);
    this.store = connect();
  }

  static async open(): Promise<Shop> {
    const shop = new Shop(await startEmbedded());
    await shop.put('registry', { ...clockKey, now: today });
    const tiers = ['platinum', 'gold', 'basic'].map((name, i) => ({ name, atLeast: 13 - 3 * i }));
    await shop.put('registry', { ...tierPolicyKey(1), version: 1, tiers });
    return shop;
  }

  async close(): Promise<void> {
    this.client.destroy();
    this.store.close();
    await this.embedded.stop();
  }

  put(table: 'customers' | 'registry' | 'outreach', Item: object): Promise<unknown> {
    return this.client.send(new PutCommand({ TableName: this.embedded.tables[table], Item }));
  }

  putCustomer(customer: Customer): Promise<unknown> {
    return this.put('customers', itemOf(customer));
  }

  async suppress(address: string): Promise<void> {
    const { registry } = this.embedded.tables;
    const { salt } = await readSettings(this.store, registry);
    await suppress({ client: this.store, registry, salt }, 'email', address, 'complaint', today);
  }

  async addJob(job: OutreachJob): Promise<void> {
    await new OutreachStore(this.store, this.embedded.tables.outreach).addJob(job);
  }

  async job(jobId: string): Promise<OutreachJob | undefined> {
    return new OutreachStore(this.store, this.embedded.tables.outreach).readJob(jobId);
  }

  async jobsOf(customerId: string): Promise<OutreachJob[]> {
    return (await this.list({ customerIds: [customerId], limit: 100 })).jobs;
  }

  list(query: Parameters<typeof listJobs>[2]): Promise<JobPage> {
    return listJobs(this.store, this.embedded.tables.outreach, query, today);
  }

  async ledgerOf(customerId: string): Promise<Record<string, unknown>[]> {
    const { Items = [] } = await this.client.send(
      new QueryCommand({
        TableName: this.embedded.tables.ledger,
        KeyConditionExpression: 'pk = :customer',
        ExpressionAttributeValues: { ':customer': customerId },
        Limit: 1000,
      }),
    );
    return Items;
  }

  async item(table: 'outreach', Key: Record<string, string>): Promise<Record<string, unknown> | undefined> {
    return (await this.client.send(new GetCommand({ TableName: this.embedded.tables[table], Key }))).Item;
  }
}

export function busEvent<Type extends keyof EventDetails>(
  type: Type,
  detail: EventDetails[Type],
): EventBridgeEvent<Type, EventDetails[Type]> {
  return {
    version: '0',
    id: 'e5f6a0c4-1111-4222-8333-444455556666',
    source: 'rapport',
    account: '000000000000',
    time: '2026-03-01T10:00:00Z',
    region: 'eu-west-1',
    resources: [],
    'detail-type': type,
    detail,
  };
}

/** The queue's message that asks for a job. */
export function request(jobId: string, messageId: string, received = 1): SQSRecord {
  const detail = { jobId, customerId: 'cus_ada', channel: 'email', at: today } as const;
  return queued(JSON.stringify(busEvent('OutreachRequested', detail)), messageId, received);
}

/** A message as the queue hands it out. */
export function queued(body: string, messageId: string, received = 1): SQSRecord {
  return {
    messageId,
    receiptHandle: `${messageId}-${received}`,
    body,
    attributes: {
      ApproximateReceiveCount: String(received),
      SentTimestamp: '1772359200000',
      SenderId: 'local',
      ApproximateFirstReceiveTimestamp: '1772359200000',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:work',
    awsRegion: 'eu-west-1',
  };
}

export function invocation(awsRequestId: string): Context {
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: false,
    functionName: 'deliver',
    functionVersion: '1',
    invokedFunctionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:deliver',
    memoryLimitInMB: '512',
    logGroupName: 'deliver',
    logStreamName: 'deliver',
    getRemainingTimeInMillis: () => 30_000,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}
