import { type DynamoDBDocumentClient, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { vi } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import type { Customer } from '../../shared/domain/customer.ts';
import type { Receipt, ValueRun } from '../../shared/domain/value-run.ts';
import { type Client, connect } from '../../shared/dynamodb/client.ts';
import { type CustomerItem, customerOf, itemOf } from '../../shared/dynamodb/customer-item.ts';
import { clockKey, settingsKey } from '../../shared/dynamodb/keys.ts';
import { receiptOf } from '../../shared/dynamodb/receipt-store.ts';
import { valueRunStore } from '../../shared/dynamodb/value-run-store.ts';
import type { WaitingTask } from '../../shared/engine/count-waiting.ts';
import { sdkClient, startEmbedded } from '../embedded.ts';
import { type Objects, startObjects } from '../objects.ts';
import { betweenCalls, type StoreCall } from '../store-calls.ts';

/** One call of the steps to the store. */
export interface Call extends StoreCall {
  /** Counted from 1 since the last {@link Night.watch}. */
  number: number;
}

type Watch = (call: Call) => Promise<unknown>;

export interface Night {
  client: DynamoDBDocumentClient;
  /** For stores. */
  store: Client;
  tables: { customers: string; ledger: string; registry: string };
  objects: Objects;
  put(customers: readonly Customer[]): Promise<void>;
  holdClock(now: string | undefined): Promise<void>;
  /** Puts itself between the steps and the store. */
  watch(watch: Watch): void;
  /** Does what the state machine does; nothing where the run was skipped. */
  run(input: object, options?: RunOptions): Promise<ValueRun | undefined>;
  steps: Steps;
  /** Without those who were merged into others. */
  customers(): Promise<Map<string, Customer>>;
  receipts(): Promise<Receipt[]>;
  stop(): Promise<void>;
}

export interface RunOptions {
  /** Milliseconds that a step has: 0 makes it answer after each page. */
  remaining?: number;
  /** Between fit and assign. */
  beforeAssign?: () => Promise<void>;
}

interface Task {
  runId: string;
  asOf: string;
  segment: number;
  of: number;
}

interface Steps {
  begin(input: object): Promise<{ skipped: boolean; reason?: string; runId: string; asOf: string; segments: Task[] }>;
  countWaiting(task: WaitingTask, context: object): Promise<WaitingTask & { done: boolean }>;
  measure(task: Task, context: object): Promise<Task & { done: boolean }>;
  fit(run: { runId: string; asOf: string }): Promise<unknown>;
  assign(task: Task, context: object): Promise<Task & { done: boolean }>;
  report(run: { runId: string; asOf: string; error?: { Error: string } }): Promise<{ state: string }>;
}

/** The steps of the night by their exported handlers, over an embedded engine of their own. */
export async function aNight(
  options: { segments?: number; timeZone?: string; currency?: string } = {},
): Promise<Night> {
  const { segments = 3, timeZone = 'Europe/Berlin', currency = 'EUR' } = options;
  const embedded = await startEmbedded();
  const { tables, stop } = embedded;
  const objects = await startObjects();
  process.env.AWS_ENDPOINT_URL_S3 = objects.url;
  process.env[variables.segments] = String(segments);
  process.env[variables.nightSchedule] = JSON.stringify({ hour: 3, minute: 0, timeZone });
  vi.resetModules();
  const steps: Steps = {
    begin: (await import('../../functions/nightly/begin.ts')).handler as Steps['begin'],
    countWaiting: (await import('../../functions/nightly/count-waiting.ts')).handler as Steps['countWaiting'],
    measure: (await import('../../functions/nightly/measure.ts')).handler as Steps['measure'],
    fit: (await import('../../functions/nightly/fit.ts')).handler as Steps['fit'],
    assign: (await import('../../functions/nightly/assign.ts')).handler as Steps['assign'],
    report: (await import('../../functions/nightly/report.ts')).handler as Steps['report'],
  };
  const client = sdkClient(embedded);
  const store = connect();
  let watch: Watch = (call) => call.send();
  let number = 0;
  // The client of the steps, which were loaded anew; that of the test is another one.
  const { Client } = await import('../../shared/dynamodb/client.ts');
  const leave = betweenCalls(Client.prototype, (call) => {
    number += 1;
    return watch({ ...call, number });
  });
  await client.send(
    new PutCommand({
      TableName: tables.registry,
      Item: { ...settingsKey, salt: 'salt', cursorSecret: 'secret', baseCurrency: currency },
    }),
  );
  const night: Night = {
    client,
    store,
    tables,
    objects,
    steps,
    watch(next) {
      watch = next;
      number = 0;
    },
    async put(customers) {
      const rest = [...customers];
      const worker = async () => {
        for (let customer = rest.pop(); customer; customer = rest.pop())
          await client.send(new PutCommand({ TableName: tables.customers, Item: itemOf(customer) }));
      };
      await Promise.all(Array.from({ length: 16 }, worker));
    },
    async holdClock(now) {
      await client.send(new PutCommand({ TableName: tables.registry, Item: { ...clockKey, ...(now && { now }) } }));
    },
    run: (input, runOptions = {}) => sequence(night, input, runOptions),
    async customers() {
      const items = await all(client, tables.customers);
      const whole = items.filter(({ mergedInto }) => mergedInto === undefined);
      return new Map(whole.map((item) => [String(item.customerId), customerOf(item as unknown as CustomerItem)]));
    },
    async receipts() {
      const items = await all(client, tables.ledger);
      return items.filter(({ pk }) => String(pk).startsWith('value#')).map(receiptOf);
    },
    async stop() {
      leave();
      client.destroy();
      store.close();
      await stop();
      await objects.stop();
    },
  };
  return night;
}

/** Does something just before the steps' first call of an operation. */
export function onceBefore(night: Night, operation: string, act: () => Promise<void>): void {
  let done = false;
  night.watch(async (call) => {
    if (!done && call.operation === operation) {
      done = true;
      await act();
    }
    return call.send();
  });
}

/** As the state machine: begin, what waited, each segment until it is done, fit, each segment again, report; what fails is repeated. */
async function sequence({ steps, store, tables }: Night, input: object, options: RunOptions) {
  const { remaining = 60_000, beforeAssign } = options;
  const context = { getRemainingTimeInMillis: () => remaining };
  const { skipped, runId, asOf, segments } = await repeated(() => steps.begin(input));
  if (skipped) return undefined;
  const each = (step: (task: Task, context: object) => Promise<{ done: boolean }>) =>
    Promise.all(
      segments.map(async (task) => {
        while (!(await repeated(() => step(task, context))).done);
      }),
    );
  const counted = 'rehearsal' in input ? [] : segments;
  await Promise.all(
    counted.map(async (segment) => {
      let task: WaitingTask & { done?: boolean } = segment;
      while (!task.done) {
        const from = task;
        task = await repeated(() => steps.countWaiting(from, context));
      }
    }),
  );
  await each(steps.measure);
  await repeated(() => steps.fit({ runId, asOf }));
  await beforeAssign?.();
  await each(steps.assign);
  await repeated(() => steps.report({ runId, asOf }));
  return valueRunStore(store, tables.registry).read(runId);
}

async function repeated<Answer>(step: () => Promise<Answer>): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step();
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }
}

async function all(client: DynamoDBDocumentClient, table: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let from: Record<string, unknown> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: table, Limit: 1000, ConsistentRead: true, ExclusiveStartKey: from }),
    );
    found.push(...(page.Items ?? []));
    from = page.LastEvaluatedKey;
  } while (from);
  return found;
}
