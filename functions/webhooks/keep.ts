import { gzipSync } from 'node:zlib';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import { logLines } from '../../shared/contracts/log-lines.ts';
import { addCounts, type Counts, countsOf, type HourCounts, hourOf } from '../../shared/domain/source-counts.ts';
import { connect } from '../../shared/dynamodb/client.ts';
import { erasedAmong } from '../../shared/dynamodb/customer-reads.ts';
import { keepAll, type PackedDelivery } from '../../shared/dynamodb/delivery-batch.ts';
import { addToHour } from '../../shared/dynamodb/delivery-counts.ts';
import { type KeepMessage, read } from './keep-message.ts';

const names = readVariables(process.env, [variables.customersTable, variables.deliveriesTable, variables.deliveryDays]);
const client = connect({ requestTimeout: 5_000 });

/**
 * Keeps what the doors took, many at once, and counts it. Each is written once, whatever comes twice; a count misses
 * what was written just before a crash, and counts again what a shop sent twice and the queue gave twice.
 */
export async function handler(event: SQSEvent): Promise<SQSBatchResponse> {
  const failed: string[] = [];
  const messages: { messageId: string; message: KeepMessage }[] = [];
  for (const { messageId, body } of event.Records) {
    try {
      messages.push({ messageId, message: read(body) });
    } catch (error) {
      complain(messageId, (error as Error).name);
      failed.push(messageId);
    }
  }
  const full = await withoutErased(
    messages.flatMap(({ messageId, message }) =>
      'delivery' in message && message.packed
        ? [{ messageId, delivery: message.delivery, packed: message.packed }]
        : [],
    ),
  );
  const keepings = await keepAll(client, names.DELIVERIES_TABLE, Number(names.DELIVERY_DAYS), full);
  const counted = new Hours();
  full.forEach(({ messageId, delivery }, index) => {
    if (keepings[index] === 'refused') {
      complain(messageId, 'refused');
      failed.push(messageId);
    } else if (keepings[index] !== 'written') counted.add(delivery.sourceId, countsOf(delivery));
  });
  for (const { message } of messages) {
    if ('failures' in message) {
      for (const { sourceId, refused, unavailable } of message.failures)
        counted.add(sourceId, { begins: hourOf(message.at), counts: { refused, unavailable } });
    } else if (!message.packed) counted.add(message.delivery.sourceId, countsOf(message.delivery));
  }
  await counted.write();
  return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Of whoever was erased while a delivery was on its way here, no body is kept. */
async function withoutErased<One extends PackedDelivery>(deliveries: One[]): Promise<One[]> {
  const ids = deliveries.flatMap(({ delivery: { customerId } }) => customerId ?? []);
  const erased = await erasedAmong(client, names.CUSTOMERS_TABLE, ids);
  return deliveries.map((one) => {
    const { customerId, ...delivery } = one.delivery;
    if (customerId === undefined || !erased.has(customerId)) return one;
    return { ...one, delivery: { ...delivery, withheld: true }, packed: nothing };
  });
}

const nothing = gzipSync('');

/** What one batch adds to each hour of each source. */
class Hours {
  readonly #sums = new Map<string, { sourceId: string; begins: string; counts: Counts }>();

  add(sourceId: string, { begins, counts }: HourCounts): void {
    const place = `${sourceId}#${begins}`;
    const sum = this.#sums.get(place) ?? { sourceId, begins, counts: {} };
    addCounts(sum.counts, counts);
    this.#sums.set(place, sum);
  }

  /** What is kept stays kept where this fails: the batch is not tried again for its numbers. */
  async write(): Promise<void> {
    const writes = [...this.#sums.values()].map(({ sourceId, ...hour }) =>
      addToHour(client, names.DELIVERIES_TABLE, sourceId, hour),
    );
    for (const { status } of await Promise.allSettled(writes)) if (status === 'rejected') complain('', 'not counted');
  }
}

function complain(messageId: string, name: string): void {
  console.error(JSON.stringify({ level: 'error', message: logLines.KeepingBrokeOff, messageId, name }));
}
