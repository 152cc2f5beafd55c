import * as z from 'zod/mini';
import { mayUseSource, usableSources } from '../../shared/domain/access.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import type { Source } from '../../shared/domain/source.ts';
import { fixBase } from '../../shared/dynamodb/settings.ts';
import { getSource, listSources, putSource } from '../../shared/dynamodb/source-store.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { route } from '../../shared/http/route.ts';
import { paging } from '../../shared/http/schemas/common.ts';
import { missingFor, secretFault, source, sourceId, sourceIn, sources } from '../../shared/http/schemas/sources.ts';
import { invalid } from '../../shared/http/validate.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { type Door, pagingOf } from './door.ts';
import { visibleSource } from './visible-source.ts';

const params = z.strictObject({ sourceId });
type Given = z.infer<typeof sourceIn>;

export const showSource = route({
  summary: 'Shows a source, without its secrets',
  scope: 'sources:read',
  params,
  answers: { 200: { description: 'The source', schema: source } },
  async answer(door: Door, { params: { sourceId: id } }) {
    return { status: 200, body: shown(await visibleSource(door, id)) };
  },
});

export const showSources = route({
  summary: 'Lists the sources that the key may use, by their ids, without their secrets',
  scope: 'sources:read',
  query: z.strictObject(paging),
  answers: { 200: { description: 'A page of sources', schema: sources } },
  async answer(door: Door, { query }) {
    const { client, tables, access } = door;
    const { limit, after, page } = await pagingOf(door, query);
    const among = usableSources(access);
    const found = await listSources(client, tables.registry, {
      limit,
      ...(after !== undefined && { after }),
      ...(among && { among }),
    });
    return { status: 200, body: page(found.sources.map(shown), found.next) };
  },
});

export const replaceSource = route({
  summary: 'Makes a source, or replaces it; absent secrets stay as they are',
  scope: 'sources:write',
  params,
  body: sourceIn,
  answers: {
    200: { description: 'Replaced', schema: source },
    201: { description: 'Made', schema: source },
  },
  async answer(door: Door, { params: { sourceId: id }, body }) {
    const { access, client, tables, now } = door;
    if (!mayUseSource(access, id)) throw new Problem(403, 'source_not_allowed', 'The key does not name this source.');
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = await getSource(client, tables.registry, id);
      const wanted = withGiven(id, body, before, now);
      // Fixed for good, so only by a source that is in order.
      const wantedBase = { baseCurrency: body.currency, baseTimeZone: body.timeZone };
      const after = { ...wanted, ...(await fixBase(client, tables.registry, wantedBase)) };
      if ((await putSource(client, tables.registry, after, before)) === 'put')
        return { status: before ? 200 : 201, body: shown(after) };
    }
    throw new Problem(409, 'source_changed', 'The source is being changed by others. Try again.', { retryAfter: 1 });
  },
});

function withGiven(
  id: string,
  given: Given,
  before: Source | undefined,
  now: Instant,
): Omit<Source, 'baseCurrency' | 'baseTimeZone'> {
  const { secrets: fresh, platform, currency, timeZone } = given;
  const secrets = fresh ?? before?.secrets ?? [];
  const missing = missingFor(platform, { ...given, secrets });
  if (missing) throw invalid([{ pointer: `/${missing}`, detail: 'is missing: signatures are checked with it' }]);
  const faults = secrets.flatMap((secret, index) => {
    const detail = secretFault(given.platform, secret);
    return detail === undefined ? [] : [{ pointer: fresh ? `/secrets/${index}` : '/secrets', detail }];
  });
  if (faults.length > 0) throw invalid(faults);
  const credentials = given.credentials ?? keptCredentials(given, before) ?? {};
  const countsWhen = given.countsWhen ?? storefronts[platform].countsWhen;
  return {
    id,
    platform,
    currency,
    timeZone,
    secrets: [...new Set(secrets)],
    countsWhen,
    ...settingsOf(given),
    ...readingOf(before, { ...given, countsWhen }),
    ...(Object.keys(credentials).length > 0 && { credentials }),
    revision: (before?.revision ?? 0) + 1,
    createdAt: before && !before.erasedAt ? before.createdAt : now,
    updatedAt: now,
  };
}

/**
 * What a shop's API asks for goes to no other address than it was given for.
 * @throws Problem `invalid_request`
 */
function keptCredentials({ platform, address }: Given, before: Source | undefined): Source['credentials'] {
  if (!before?.credentials) return undefined;
  if (platform === before.platform && hostOf(address) === hostOf(before.address)) return before.credentials;
  const detail = 'are asked for anew, {} for none: the kept ones are for another platform or host of the address';
  throw invalid([{ pointer: '/credentials', detail }]);
}

function hostOf(address: string | undefined): string | undefined {
  return address === undefined ? undefined : new URL(address).host;
}

function settingsOf({ backfillBefore, address, notificationUrl, webhookId, country, nobody }: Given) {
  return {
    ...(backfillBefore !== undefined && { backfillBefore }),
    ...(address !== undefined && { address }),
    ...(notificationUrl !== undefined && { notificationUrl }),
    ...(webhookId !== undefined && { webhookId }),
    ...(country !== undefined && { country }),
    ...(nobody !== undefined && { nobody: [...new Set(nobody)] }),
  };
}

const readBy = ['platform', 'address', 'currency', 'timeZone', 'countsWhen'] as const;

/** The number of another platform's mapping may be smaller: what that lacks is made up for, as the sum only ever grows. */
function readingOf(before: Source | undefined, after: Pick<Given, (typeof readBy)[number]>) {
  if (!before) return {};
  const { reading = 0 } = before;
  const isSame = readBy.every((setting) => before[setting] === after[setting]);
  if (isSame) return reading === 0 ? {} : { reading };
  const numberOf = ({ platform }: Pick<Given, 'platform'>) => storefronts[platform].reading ?? 0;
  return { reading: reading + 1 + Math.max(0, numberOf(before) - numberOf(after)) };
}

function shown({ secrets, credentials = {}, revision, reading, ...rest }: Source): z.infer<typeof source> {
  const credentialNames = Object.keys(credentials).sort();
  return { ...rest, secretCount: secrets.length, credentialNames, webhookPath: `/v1/webhooks/${rest.id}` };
}
