import { randomUUID } from 'node:crypto';
import type { ScanCommandInput, ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import type {
  BatchExecuteStatementCommandInput,
  BatchExecuteStatementCommandOutput,
  BatchGetCommandInput,
  BatchGetCommandOutput,
  BatchWriteCommandInput,
  BatchWriteCommandOutput,
  DeleteCommandInput,
  DeleteCommandOutput,
  GetCommandInput,
  GetCommandOutput,
  PutCommandInput,
  PutCommandOutput,
  QueryCommandInput,
  QueryCommandOutput,
  TransactWriteCommandInput,
  UpdateCommandInput,
  UpdateCommandOutput,
} from '@aws-sdk/lib-dynamodb';
import { accessOf, type JsonCaller, jsonCaller } from '../aws/json-call.ts';
import { type AttributeMap, type Item, pack, packItem, unpackItem } from './attribute-value.ts';
import { storeFault } from './faults.ts';

/** Names of the tables, as infra gives them to the function; one that a function may not touch is absent. */
export interface TableNames {
  customers: string;
  deliveries: string;
  ledger: string;
  outreach: string;
  registry: string;
}

/** Pages of Query and Scan: without a limit the embedded engine is quadratic in the table. */
export const pageSize = 1000;

type Answer<Output> = Promise<Omit<Output, '$metadata'>>;

/**
 * DynamoDB in plain values: what the SDK's document client takes and gives, over calls that cost a fraction of its own.
 * Every method throws in the words of the engine.
 * @throws Problem `store_unavailable` for what passes
 * @throws StoreRefusal for all else that the store answers; `faults.ts` tells conditions and conflicts apart
 */
export class Client {
  readonly #caller: JsonCaller;

  constructor(caller: JsonCaller) {
    this.#caller = caller;
  }

  get(input: GetCommandInput): Answer<GetCommandOutput> {
    return this.#plain('GetItem', input);
  }

  put(input: PutCommandInput): Answer<PutCommandOutput> {
    return this.#plain('PutItem', input);
  }

  update(input: UpdateCommandInput): Answer<UpdateCommandOutput> {
    return this.#plain('UpdateItem', input);
  }

  delete(input: DeleteCommandInput): Answer<DeleteCommandOutput> {
    return this.#plain('DeleteItem', input);
  }

  query(input: QueryCommandInput): Answer<QueryCommandOutput> {
    return this.#plain('Query', input);
  }

  /** Attribute values as they come: turning whole pages into plain objects would cost more than all the rest of a night. */
  scan(input: ScanCommandInput): Answer<ScanCommandOutput> {
    return this.#call('Scan', input);
  }

  async batchGet(input: BatchGetCommandInput): Answer<BatchGetCommandOutput> {
    type Found = { Responses: Record<string, AttributeMap[]>; UnprocessedKeys: Record<string, object> };
    const RequestItems = eachOf(input.RequestItems, packed);
    const { Responses, UnprocessedKeys, ...answer } = await this.#call<Found>('BatchGetItem', {
      ...input,
      RequestItems,
    });
    return {
      ...answer,
      Responses: eachOf(Responses, (items) => items.map(unpackItem)),
      UnprocessedKeys: eachOf(UnprocessedKeys, unpacked) as Record<string, { Keys: Item[] }>,
    };
  }

  async batchWrite(input: BatchWriteCommandInput): Answer<BatchWriteCommandOutput> {
    type Left = { UnprocessedItems: Record<string, Record<string, object>[]> };
    const RequestItems = eachOf(input.RequestItems, (writes) =>
      writes.map((write) => eachOf(write as Record<string, object>, packed)),
    );
    const { UnprocessedItems, ...answer } = await this.#call<Left>('BatchWriteItem', { ...input, RequestItems });
    return {
      ...answer,
      UnprocessedItems: eachOf(UnprocessedItems, (writes) => writes.map((write) => eachOf(write, unpacked))),
    };
  }

  /**
   * Under a token that the service keeps for ten minutes: when an answer is lost, the repetition changes nothing.
   * @param terms `token: false` where the caller reads anew after a conflict and then finds what it wrote: without one the
   * repetition fails by the conditions that the lost one made untrue, and the embedded engine looks through all tokens
   * at each transaction
   */
  async transactWrite(input: TransactWriteCommandInput, { token = true } = {}): Promise<void> {
    const TransactItems = input.TransactItems?.map((write) => eachOf(write as Record<string, object>, packed));
    await this.#call('TransactWriteItems', {
      ...(token && { ClientRequestToken: randomUUID() }),
      ...input,
      TransactItems,
    });
  }

  /** Writes: of the answers only errors and units are of use. */
  batchExecuteStatement(input: BatchExecuteStatementCommandInput): Answer<BatchExecuteStatementCommandOutput> {
    const Statements = input.Statements?.map((one) => ({ ...one, Parameters: one.Parameters?.map(pack) }));
    return this.#call('BatchExecuteStatement', { ...input, Statements });
  }

  close(): void {
    this.#caller.close();
  }

  async #plain<Output>(operation: string, input: object): Promise<Output> {
    return unpacked(await this.#call<object>(operation, packed(input))) as Output;
  }

  async #call<Output>(operation: string, input: object): Promise<Output> {
    try {
      return await this.#caller.call(`DynamoDB_20120810.${operation}`, input);
    } catch (error) {
      throw storeFault(error);
    }
  }
}

/**
 * Endpoint, region and credentials come from the environment.
 * @param patience `requestTimeout` in milliseconds for one attempt, `maxAttempts` with growing waits between
 */
export function connect(patience: { requestTimeout?: number; maxAttempts?: number } = {}): Client {
  const { requestTimeout = 10_000, maxAttempts = 4 } = patience;
  const times = { requestTimeout, maxAttempts, connectionTimeout: 1_000, firstPause: 50 };
  return new Client(jsonCaller('dynamodb', accessOf('dynamodb', process.env), times));
}

/** Where calls and answers hold an item, or a part of one: in these fields it is attribute values on the wire. */
const itemFields = ['Item', 'Key', 'Attributes', 'ExpressionAttributeValues', 'ExclusiveStartKey', 'LastEvaluatedKey'];
const listFields = ['Items', 'Keys'];

const packed = (part: object) => translated(part, packItem);
const unpacked = (part: object) => translated(part, (item) => unpackItem(item as AttributeMap));

function translated(part: object, translate: (item: Item) => Item): Record<string, unknown> {
  const result: Record<string, unknown> = { ...part };
  for (const name of itemFields) if (result[name]) result[name] = translate(result[name] as Item);
  for (const name of listFields) if (result[name]) result[name] = (result[name] as Item[]).map(translate);
  return result;
}

function eachOf<Part, Result>(parts: { [name: string]: Part } | undefined, translate: (part: Part) => Result) {
  return Object.fromEntries(Object.entries(parts ?? {}).map(([name, part]) => [name, translate(part)]));
}
