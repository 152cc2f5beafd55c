import { gunzipSync, gzipSync } from 'node:zlib';
import type { HistoryImport, ImportError, ImportPart } from '../domain/history-import.ts';
import { inBatches } from './batches.ts';
import { type Client, pageSize } from './client.ts';
import { failedCondition } from './faults.ts';
import { importErrorsKey, importKey, importListKey, importPartKey } from './keys.ts';

type Item = Record<string, unknown>;

/** A part with what guards it: 0 where it was not there yet. */
export interface KeptPart extends ImportPart {
  revision: number;
}

/** Files of history in the Registry, kept for ninety days: how far each of their parts has come, and what failed. */
export class ImportStore {
  readonly #client: Client;
  readonly #registry: string;
  /** Seconds since 1970. */
  readonly #expiresAt: number;

  /** @param realTime milliseconds since 1970 */
  constructor(client: Client, registry: string, realTime: number) {
    this.#client = client;
    this.#registry = registry;
    this.#expiresAt = Math.ceil(realTime / 1000) + 90 * 24 * 60 * 60;
  }

  /** Puts the import and its place in the list; repeating it changes nothing. */
  async put(given: HistoryImport): Promise<void> {
    const item = { ...given, expiresAt: this.#expiresAt };
    await this.#client.transactWrite({
      TransactItems: [
        { Put: { TableName: this.#registry, Item: { ...importKey(given.id), ...item } } },
        { Put: { TableName: this.#registry, Item: { ...importListKey(given.createdAt, given.id), ...item } } },
      ],
    });
  }

  async read(importId: string): Promise<HistoryImport | undefined> {
    const Item = await this.#get(importKey(importId));
    return Item && importOf(Item);
  }

  /** Newest first, `next` in the words of the store. */
  async list({
    limit,
    after,
  }: {
    limit: number;
    after?: string;
  }): Promise<{ imports: HistoryImport[]; next?: string }> {
    const { Items = [] } = await this.#client.query({
      TableName: this.#registry,
      KeyConditionExpression: after === undefined ? 'pk = :list' : 'pk = :list AND sk < :after',
      ExpressionAttributeValues: { ':list': importListKey('', '').pk, ...(after !== undefined && { ':after': after }) },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: limit + 1,
    });
    const page = Items.slice(0, limit);
    const last = page.at(-1);
    return { imports: page.map(importOf), ...(Items.length > limit && last && { next: String(last.sk) }) };
  }

  async readPart(importId: string, part: number): Promise<KeptPart | undefined> {
    const Item = await this.#get(importPartKey(importId, part));
    return Item && (Item as unknown as KeptPart);
  }

  /**
   * Keeps how far a part has come, with its errors so far.
   * @param seen the revision that was read, 0 for none
   * @returns false where somebody else is at the same part
   */
  async savePart(
    importId: string,
    { part, progress, errors }: { part: number; progress: ImportPart; errors: readonly ImportError[] },
    seen: number,
  ): Promise<boolean> {
    const asSeen =
      seen === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : { ConditionExpression: 'revision = :seen', ExpressionAttributeValues: { ':seen': seen } };
    const expiresAt = this.#expiresAt;
    if (errors.length > 0) {
      const bytes = gzipSync(errors.map((error) => `${JSON.stringify(error)}\n`).join(''));
      await this.#client.put({
        TableName: this.#registry,
        Item: { ...importErrorsKey(importId, part), part, bytes, expiresAt },
      });
    }
    try {
      const Item = { ...importPartKey(importId, part), part, ...progress, revision: seen + 1, expiresAt };
      await this.#client.put({ TableName: this.#registry, Item, ...asSeen });
      return true;
    } catch (error) {
      if (failedCondition(error)) return false;
      throw error;
    }
  }

  /** All parts that were put, in their order. */
  async parts(importId: string): Promise<(KeptPart & { part: number })[]> {
    const found: (KeptPart & { part: number })[] = [];
    let start: Item | undefined;
    do {
      const page = await this.#client.query({
        TableName: this.#registry,
        KeyConditionExpression: 'pk = :import AND begins_with(sk, :parts)',
        ExpressionAttributeValues: { ':import': importKey(importId).pk, ':parts': 'part#' },
        ConsistentRead: true,
        Limit: pageSize,
        ...(start && { ExclusiveStartKey: start }),
      });
      found.push(...((page.Items ?? []) as unknown as (KeptPart & { part: number })[]));
      start = page.LastEvaluatedKey;
    } while (start);
    return found;
  }

  async errorsOfPart(importId: string, part: number): Promise<ImportError[]> {
    const item = await this.#get(importErrorsKey(importId, part));
    return item ? linesOf(item).map((line) => JSON.parse(line) as ImportError) : [];
  }

  /**
   * Errors as lines of JSON, part by part: of as many parts as `mostBytes` holds, of one at least.
   * @param after number of the last part that was shown
   */
  async errors(
    importId: string,
    { after = 0, mostBytes }: { after?: number | undefined; mostBytes: number },
  ): Promise<{ lines: string[]; next?: number }> {
    const lines: string[] = [];
    let bytes = 0;
    let shown = after;
    for (;;) {
      const { Items = [] } = await this.#client.query({
        TableName: this.#registry,
        KeyConditionExpression: 'pk = :import AND sk BETWEEN :first AND :last',
        ExpressionAttributeValues: {
          ':import': importKey(importId).pk,
          ':first': importErrorsKey(importId, shown + 1).sk,
          ':last': importErrorsKey(importId, 999_999).sk,
        },
        ConsistentRead: true,
        Limit: 10,
      });
      for (const item of Items) {
        const more = linesOf(item);
        const size = more.reduce((sum, line) => sum + line.length + 1, 0);
        if (lines.length > 0 && bytes + size > mostBytes) return { lines, next: shown };
        lines.push(...more);
        bytes += size;
        shown = Number(item.part);
      }
      if (Items.length === 0) return { lines };
    }
  }

  /** Forgets an import, its parts and their errors; cut off, it can be repeated. What was recorded stays. */
  async drop({ id, createdAt }: HistoryImport): Promise<void> {
    const { pk } = importKey(id);
    const keys: Item[] = [];
    let start: Item | undefined;
    do {
      const page = await this.#client.query({
        TableName: this.#registry,
        KeyConditionExpression: 'pk = :import',
        ExpressionAttributeValues: { ':import': pk },
        ProjectionExpression: 'pk, sk',
        ConsistentRead: true,
        Limit: pageSize,
        ...(start && { ExclusiveStartKey: start }),
      });
      keys.push(...(page.Items ?? []).filter(({ sk }) => sk !== importKey(id).sk));
      start = page.LastEvaluatedKey;
    } while (start);
    await inBatches(keys, async (batch) => {
      const RequestItems = { [this.#registry]: batch.map((Key) => ({ DeleteRequest: { Key } })) };
      const { UnprocessedItems } = await this.#client.batchWrite({ RequestItems });
      return (UnprocessedItems?.[this.#registry] ?? []).flatMap(({ DeleteRequest }) => DeleteRequest?.Key ?? []);
    });
    const TableName = this.#registry;
    await this.#client.transactWrite({
      TransactItems: [importKey(id), importListKey(createdAt, id)].map((Key) => ({ Delete: { TableName, Key } })),
    });
  }

  async #get(Key: { pk: string; sk: string }): Promise<Item | undefined> {
    const { Item } = await this.#client.get({ TableName: this.#registry, Key, ConsistentRead: true });
    return Item;
  }
}

function linesOf(item: Item): string[] {
  const text = gunzipSync(item.bytes as Uint8Array).toString('utf8');
  return text.split('\n').filter((line) => line !== '');
}

function importOf({ pk: _pk, sk: _sk, expiresAt: _expiresAt, ...item }: Item): HistoryImport {
  return item as unknown as HistoryImport;
}
