import type { Instant } from '../domain/instant.ts';
import type { MergeLine } from '../domain/merge.ts';
import type { PersonalData } from '../engine/erase-person.ts';
import { inBatches } from './batches.ts';
import type { Client, TableNames } from './client.ts';
import { identitiesOfPerson } from './customer-reads.ts';
import { failedCondition } from './faults.ts';
import { interactionKey, jobKey, mergeKey, naturalKey, receiptKey, suggestionKey, suggestionListKey } from './keys.ts';
import { mergesOf } from './merge-reads.ts';
import { readInteraction } from './order-item.ts';
import type { JobItem } from './outreach-store.ts';
import { suggestionsAbout } from './suggestion-store.ts';

type Item = Record<string, unknown>;
type Tables = Pick<TableNames, 'ledger' | 'registry' | 'outreach'>;

const linesPerPage = 100;

/** What is kept of a person beside the customer's item, and how it goes. */
export function personalData(client: Client, { ledger, registry, outreach }: Tables): PersonalData {
  return {
    identities: (personId) => identitiesOfPerson(client, registry, personId, { all: true }),

    async lines(personId, after) {
      const { Items = [], LastEvaluatedKey } = await client.query({
        TableName: ledger,
        KeyConditionExpression: after === undefined ? 'pk = :person' : 'pk = :person AND sk > :after',
        ExpressionAttributeValues: { ':person': personId, ...(after !== undefined && { ':after': after }) },
        ConsistentRead: true,
        Limit: linesPerPage,
      });
      const lines = Items.map((item) => ({
        interaction: readInteraction(withoutKeys(item)),
        revision: Number(item.revision ?? 0),
      }));
      return { lines, ...(LastEvaluatedKey && { next: String(LastEvaluatedKey.sk) }) };
    },

    async dropLine(personId, { sourceId, type, externalId, occurredAt, id }) {
      await client.delete({ TableName: ledger, Key: interactionKey(personId, occurredAt, id) });
      try {
        await client.delete({
          TableName: ledger,
          Key: naturalKey(sourceId, type, externalId),
          ConditionExpression: 'customerId = :person',
          ExpressionAttributeValues: { ':person': personId },
        });
      } catch (error) {
        // Somebody else's, or none.
        if (!failedCondition(error)) throw error;
      }
    },

    async dropTraces(personId) {
      const receipts = await dropReceipts(client, ledger, personId);
      const merges = await dropMerges(client, ledger, personId);
      return receipts + merges + (await dropSuggestions(client, registry, personId));
    },

    emptyJobs: (personId, now) => emptyJobs(client, outreach, personId, now),
  };
}

function withoutKeys(item: Item): Item {
  const { pk: _pk, sk: _sk, revision: _revision, moved: _moved, begins: _begins, ...line } = item;
  return line;
}

async function dropReceipts(client: Client, ledger: string, personId: string): Promise<number> {
  let dropped = 0;
  for (;;) {
    const { Items = [] } = await client.query({
      TableName: ledger,
      KeyConditionExpression: 'pk = :receipts',
      ExpressionAttributeValues: { ':receipts': receiptKey(personId, '', '').pk },
      ProjectionExpression: 'pk, sk',
      ConsistentRead: true,
      Limit: linesPerPage,
    });
    if (Items.length === 0) return dropped;
    await inBatches(Items, async (batch) => {
      const RequestItems = { [ledger]: batch.map(({ pk, sk }) => ({ DeleteRequest: { Key: { pk, sk } } })) };
      const { UnprocessedItems } = await client.batchWrite({ RequestItems });
      return (UnprocessedItems?.[ledger] ?? []).flatMap(({ DeleteRequest }) => DeleteRequest?.Key ?? []);
    });
    dropped += Items.length;
  }
}

/** Of the others a merge is remembered without this person; where it was about this person alone, not at all. */
async function dropMerges(client: Client, ledger: string, personId: string): Promise<number> {
  const lines = await mergesOf(client, ledger, personId);
  for (const line of lines) {
    const others = [...line.moved, ...line.stayed].filter((person) => person !== personId);
    for (const other of others) {
      const Key = mergeKey(other, line.at, line.mergeId, line.kind);
      const rest = await lineWithout(client, ledger, Key, personId);
      if (rest === 'none') continue;
      if (rest) await client.put({ TableName: ledger, Item: { ...Key, ...rest } });
      else await client.delete({ TableName: ledger, Key });
    }
    await client.delete({ TableName: ledger, Key: mergeKey(personId, line.at, line.mergeId, line.kind) });
  }
  return lines.length;
}

/** The line as it lies with another person now: others may have been erased from it before. */
async function lineWithout(client: Client, ledger: string, Key: { pk: string; sk: string }, personId: string) {
  const { Item } = await client.get({ TableName: ledger, Key, ConsistentRead: true });
  if (!Item) return 'none';
  const { pk: _pk, sk: _sk, said, ...line } = Item as unknown as MergeLine & { pk: string; sk: string };
  const moved = line.moved.filter((person) => person !== personId);
  const stayed = line.stayed.filter((person) => person !== personId);
  const [firstMoved, firstStayed] = [moved[0], stayed[0]];
  if (firstMoved === undefined || firstStayed === undefined) return undefined;
  const from = line.from === personId ? firstMoved : line.from;
  const into = line.into === personId ? firstStayed : line.into;
  const stillSaid = said && !said.persons.includes(personId) && { said };
  return { ...line, moved, stayed, from, into, ...stillSaid } satisfies MergeLine;
}

/** Those that nobody has settled; a settled one holds two ids and no more. */
async function dropSuggestions(client: Client, registry: string, personId: string): Promise<number> {
  let dropped = 0;
  for await (const page of suggestionsAbout(client, registry, personId))
    for (const { id, since } of page) {
      await client.delete({ TableName: registry, Key: suggestionKey(id) });
      await client.delete({ TableName: registry, Key: suggestionListKey(since, id) });
      dropped += 1;
    }
  return dropped;
}

/** A decision stays as what was decided and why, without the person's own words and without the way to the message. */
async function emptyJobs(client: Client, outreach: string, personId: string, now: Instant): Promise<number> {
  let emptied = 0;
  let start: Item | undefined;
  do {
    const page = await client.query({
      TableName: outreach,
      IndexName: 'byCustomer',
      KeyConditionExpression: 'customerId = :person',
      ExpressionAttributeValues: { ':person': personId },
      Limit: linesPerPage,
      ...(start && { ExclusiveStartKey: start }),
    });
    for (const job of (page.Items ?? []) as JobItem[]) if (await emptyJob(client, outreach, job, now)) emptied += 1;
    start = page.LastEvaluatedKey;
  } while (start);
  return emptied;
}

/** One that is just being sent is left for the second look. */
async function emptyJob(client: Client, outreach: string, job: JobItem, now: Instant): Promise<boolean> {
  const { jobId, decision, status, providerMessageId } = job;
  const says = decision.channels.some(({ consent }) => consent) || providerMessageId !== undefined;
  if (status === 'sending' || (!says && status !== 'requested')) return false;
  const channels = decision.channels.map(({ consent: _, ...verdict }) => verdict);
  const withdrawn = status === 'requested' ? ', #status = :withdrawn, #reason = :reason, #updatedAt = :now' : '';
  try {
    await client.update({
      TableName: outreach,
      Key: jobKey(jobId),
      UpdateExpression: `SET #decision = :decision${withdrawn} REMOVE #message`,
      ConditionExpression: '#status = :was',
      ExpressionAttributeNames: {
        '#decision': 'decision',
        '#message': 'providerMessageId',
        '#status': 'status',
        ...(withdrawn && { '#reason': 'reason', '#updatedAt': 'updatedAt' }),
      },
      ExpressionAttributeValues: {
        ':decision': { ...decision, channels },
        ':was': status,
        ...(withdrawn && { ':withdrawn': 'withdrawn', ':reason': 'customer_erased', ':now': now }),
      },
    });
    return true;
  } catch (error) {
    if (failedCondition(error)) return false;
    throw error;
  }
}
