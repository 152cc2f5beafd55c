import * as z from 'zod/mini';
import { type ApiKey, beyond } from '../../shared/domain/access.ts';
import { addKey, listKeys, revokeKey } from '../../shared/dynamodb/api-key-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { keyHash, newKey } from '../../shared/http/credentials.ts';
import { route } from '../../shared/http/route.ts';
import { keyText, paging } from '../../shared/http/schemas/common.ts';
import { keyIn, keyMade, keys } from '../../shared/http/schemas/keys.ts';
import { invalid } from '../../shared/http/validate.ts';
import { type Door, pagingOf } from './door.ts';

const defaultRateLimit = 600;

export const makeKey = route({
  summary: 'Makes a key; a partner makes keys for itself, with no more rights than it has',
  scope: 'keys:write',
  body: keyIn,
  answers: { 201: { description: 'Made; its text is shown this once', schema: keyMade } },
  async answer({ client, tables, access, now, request, nonce, settings }: Door, { body }) {
    const { expiresAt, sources = [], rateLimitPerMinute, ...rest } = body;
    const { id, text } = newKey(request, (await settings()).cursorSecret, nonce);
    const key: ApiKey = {
      id,
      ...rest,
      sources,
      rateLimitPerMinute:
        rateLimitPerMinute ?? Math.min(defaultRateLimit, access.rateLimitPerMinute ?? defaultRateLimit),
      ...(expiresAt !== undefined && { expiresAt }),
      createdAt: now,
    };
    if (expiresAt !== undefined && expiresAt <= now)
      throw invalid([{ pointer: '/expiresAt', detail: 'must lie in the future' }]);
    const faults = beyond(access, key).map((field) => ({
      pointer: `/${field}`,
      detail: 'goes beyond the key that makes it',
    }));
    if (faults.length > 0)
      throw new Problem(403, 'beyond_own_rights', 'A key hands on no more than it has.', { faults });
    await addKey(client, tables.registry, key, keyHash(text));
    return { status: 201, body: { ...shown(key), key: text } };
  },
});

export const showKeys = route({
  summary: 'Lists keys; a partner sees its own',
  scope: 'keys:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of keys', schema: keys } },
  async answer(door: Door, { query }) {
    const { client, tables, access } = door;
    const { limit, after, page } = await pagingOf(door, query);
    const found = await listKeys(client, tables.registry, {
      ...(!access.admin && { partner: access.partner }),
      ...(after !== undefined && { after }),
      limit,
    });
    return { status: 200, body: page(found.keys.map(shown), found.next) };
  },
});

export const dropKey = route({
  summary: 'Revokes a key at once; a partner revokes its own',
  scope: 'keys:write',
  params: z.strictObject({ keyId: keyText }),
  answers: { 204: { description: 'Revoked' } },
  async answer({ client, tables, access }: Door, { params: { keyId } }) {
    const revoked = await revokeKey(client, tables.registry, keyId, access.admin ? undefined : access.partner);
    if (!revoked) throw new Problem(404, 'key_not_found', 'There is no such key.');
    return { status: 204 };
  },
});

function shown({ expiresAt, ...key }: ApiKey) {
  return { ...key, expiresAt: expiresAt ?? null };
}
