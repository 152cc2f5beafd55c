import type { ErasureMessage } from '../../shared/contracts/privacy.ts';
import type { ReconcileMessage } from '../../shared/contracts/reconciling.ts';
import type { NightSchedule } from '../../shared/contracts/schedule.ts';
import type { Access } from '../../shared/domain/access.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Client, TableNames } from '../../shared/dynamodb/client.ts';
import type { Settings } from '../../shared/dynamodb/settings.ts';
import type { AskShop } from '../../shared/engine/storefront.ts';
import { type CursorFrame, readCursor, writeCursor } from '../../shared/http/cursors.ts';
import type { HttpRequest } from '../../shared/http/request.ts';
import { defaultLimit } from '../../shared/http/schemas/common.ts';
import type { Machine } from './value-run-machine.ts';

/** What one request may use. */
export interface Door {
  /** By the clock at the door. */
  now: Instant;
  client: Client;
  tables: TableNames;
  stage: string;
  /** On a test stage the clock can be moved. */
  testStage: boolean;
  request: HttpRequest;
  access: Access;
  /** With an Idempotency-Key: the same when a request that was cut short is made again. */
  nonce?: string;
  settings(): Promise<Settings>;
  /** For how many days a delivery is kept. */
  deliveryDays: number;
  /** Asks the API of a shop. */
  ask: AskShop;
  /** Hands a reconciliation to its worker; @throws Error where the queue does not take it */
  sendReconciliation(message: ReconcileMessage): Promise<void>;
  /** Hands an erasure to its worker; @throws Error where the queue does not take it */
  sendErasure(message: ErasureMessage): Promise<void>;
  /** Milliseconds since 1970 by no test clock: for what must go on while a test clock stands still. */
  realTime(): number;
  /** What runs the night; @throws Error where the deployment has none */
  machine(): Machine;
  nightSchedule?: NightSchedule;
}

export interface Paging {
  limit: number;
  /** Where the page begins, in the words of the store. */
  after?: string;
  /** A page as it is answered; `next` in the words of the store. */
  page<Item>(data: Item[], next: string | undefined): { data: Item[]; nextCursor: string | null };
}

/**
 * @param filters what the cursor is bound to beside the path
 * @param pointer where the cursor was given
 * @throws Problem `invalid_cursor`
 */
export async function pagingOf(
  door: Door,
  { limit = defaultLimit, cursor }: { limit?: number | undefined; cursor?: string | undefined },
  filters: Record<string, string | undefined> = {},
  pointer = '/query/cursor',
): Promise<Paging> {
  const { request, access } = door;
  const { cursorSecret: secret } = await door.settings();
  const query: Record<string, string> = { path: request.path };
  for (const [name, value] of Object.entries(filters)) if (value !== undefined) query[name] = value;
  const frame: CursorFrame = { secret, keyId: access.keyId, routeKey: request.routeKey, query };
  return {
    limit,
    ...(cursor !== undefined && { after: readCursor(cursor, frame, pointer) }),
    page: (data, next) => ({ data, nextCursor: next === undefined ? null : writeCursor(next, frame) }),
  };
}
