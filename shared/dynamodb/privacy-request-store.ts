import { randomUUID } from 'node:crypto';
import type { PrivacyRequest } from '../domain/privacy-request.ts';
import { storeUnavailable } from '../engine/problem.ts';
import { type Client, pageSize } from './client.ts';
import { isConflict } from './faults.ts';
import { privacyListKey, privacyOpenKey, privacyRequestKey, requestAtPlace } from './keys.ts';

type Item = Record<string, unknown>;

/** With the revision that guards it. */
export interface KeptRequest {
  request: PrivacyRequest;
  revision: number;
}

/** Requests for persons' rights, in the Registry. They stay: that a right was granted may have to be shown. */
export class PrivacyRequestStore {
  readonly #client: Client;
  readonly #registry: string;

  constructor(client: Client, registry: string) {
    this.#client = client;
    this.#registry = registry;
  }

  /** Keeps a request; where one with its id is there, that one stays and is answered. */
  async open(request: PrivacyRequest): Promise<PrivacyRequest> {
    const { id, requestedAt, dueAt } = request;
    const TableName = this.#registry;
    const isNew = { ConditionExpression: 'attribute_not_exists(pk)' };
    try {
      await this.#client.transactWrite({
        TransactItems: [
          { Put: { TableName, Item: { ...privacyRequestKey(id), request, revision: 1 }, ...isNew } },
          { Put: { TableName, Item: privacyListKey(requestedAt, id) } },
          { Put: { TableName, Item: privacyOpenKey(dueAt, id) } },
        ],
      });
      return request;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    const kept = await this.read(id);
    if (!kept) throw storeUnavailable(new Error('a request was neither kept nor there'));
    return kept.request;
  }

  async read(requestId: string): Promise<KeptRequest | undefined> {
    const Key = privacyRequestKey(requestId);
    const { Item } = await this.#client.get({ TableName: this.#registry, Key, ConsistentRead: true });
    return Item && keptOf(Item);
  }

  /**
   * Keeps it in the place of what was read; one that is done leaves the list of the open ones.
   * @returns false where somebody else wrote meanwhile
   */
  async put(request: PrivacyRequest, seen: number): Promise<boolean> {
    const { id, dueAt, status } = request;
    const TableName = this.#registry;
    const asSeen = { ConditionExpression: 'revision = :seen', ExpressionAttributeValues: { ':seen': seen } };
    const writing = randomUUID();
    const Item = { ...privacyRequestKey(id), request, revision: seen + 1, writing };
    const closed = status === 'done' ? [{ Delete: { TableName, Key: privacyOpenKey(dueAt, id) } }] : [];
    try {
      await this.#client.transactWrite({ TransactItems: [{ Put: { TableName, Item, ...asSeen } }, ...closed] });
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
    // The conflict may be with this very call, where the answer to it was lost.
    const { Item: found } = await this.#client.get({ TableName, Key: privacyRequestKey(id), ConsistentRead: true });
    return found?.writing === writing;
  }

  /** Newest first, `next` in the words of the store. */
  async list({
    limit,
    after,
  }: {
    limit: number;
    after?: string;
  }): Promise<{ requests: PrivacyRequest[]; next?: string }> {
    const { Items = [] } = await this.#client.query({
      TableName: this.#registry,
      KeyConditionExpression: after === undefined ? 'pk = :list' : 'pk = :list AND sk < :after',
      ExpressionAttributeValues: {
        ':list': privacyListKey('', '').pk,
        ...(after !== undefined && { ':after': after }),
      },
      ScanIndexForward: false,
      ConsistentRead: true,
      Limit: limit + 1,
    });
    const page = Items.slice(0, limit).map(({ sk }) => String(sk));
    const kept = await Promise.all(page.map((place) => this.read(requestAtPlace(place))));
    const last = page.at(-1);
    return {
      requests: kept.flatMap((one) => (one ? [one.request] : [])),
      ...(Items.length > limit && last !== undefined && { next: last }),
    };
  }

  /** All that are open, the one that is due first before the others. */
  async openOnes(): Promise<PrivacyRequest[]> {
    const found: PrivacyRequest[] = [];
    let start: Item | undefined;
    do {
      const page = await this.#client.query({
        TableName: this.#registry,
        KeyConditionExpression: 'pk = :open',
        ExpressionAttributeValues: { ':open': privacyOpenKey('', '').pk },
        ConsistentRead: true,
        Limit: pageSize,
        ...(start && { ExclusiveStartKey: start }),
      });
      for (const { sk } of page.Items ?? []) {
        const kept = await this.read(requestAtPlace(String(sk)));
        if (kept?.request.status === 'open') found.push(kept.request);
      }
      start = page.LastEvaluatedKey;
    } while (start);
    return found;
  }
}

/** Kept as one attribute: `customerId` of its own would put it into the index of identities. */
function keptOf({ request, revision }: Item): KeptRequest {
  return { request: request as PrivacyRequest, revision: revision as number };
}
