import type { Instant } from './instant.ts';

export const resources = [
  'sources',
  'deliveries',
  'customers',
  'interactions',
  'imports',
  'value-runs',
  'tier-policy',
  'rates',
  'outreach-jobs',
  'privacy',
  'keys',
  'test-clock',
] as const;

export type Scope = `${(typeof resources)[number]}:${'read' | 'write'}`;

export const scopes: readonly Scope[] = resources.flatMap((resource): Scope[] => [
  `${resource}:read`,
  `${resource}:write`,
]);

/** A partner's key, as it is kept: its text is not. */
export interface ApiKey {
  id: string;
  partner: string;
  scopes: Scope[];
  /**
   * The sources that the partner has to do with, beside its own `partner-<name>`: it sees and replays their deliveries,
   * compares them with their shops, imports and reports in their name, as far as its scopes go. {@link everySource}
   * stands for all, also those made later.
   */
  sources: string[];
  rateLimitPerMinute: number;
  expiresAt?: Instant;
  createdAt: Instant;
}

/** What the credential of a request allows. */
export interface Access {
  keyId: string;
  /** `admin` for the key of the deployment. */
  partner: string;
  admin: boolean;
  scopes: readonly Scope[];
  sources: readonly string[];
  /** Absent: no limit. */
  rateLimitPerMinute?: number;
  expiresAt?: Instant;
}

export const adminAccess: Access = {
  keyId: 'key_admin',
  partner: 'admin',
  admin: true,
  scopes,
  sources: [],
};

/** Nothing where the key has expired. */
export function accessOf(key: ApiKey, now: Instant): Access | undefined {
  if (key.expiresAt !== undefined && key.expiresAt <= now) return undefined;
  const { id, createdAt, ...rest } = key;
  return { ...rest, keyId: id, admin: false };
}

export const everySource = '*';

export function mayUseSource(access: Access, sourceId: string): boolean {
  return usableSources(access)?.includes(sourceId) ?? true;
}

/** Absent: all that there are. */
export function usableSources({ admin, sources }: Access): readonly string[] | undefined {
  return admin || sources.includes(everySource) ? undefined : sources;
}

/** The source under which a partner's own interactions stand. */
export function partnerSourceId({ partner }: Pick<Access, 'partner'>): string {
  return `partner-${partner}`;
}

/**
 * What a new key would have beyond the key that makes it; empty where nothing. A key hands on no more than it has:
 * its own partner, its scopes and sources, its limit, and no longer life.
 */
export function beyond(maker: Access, key: Omit<ApiKey, 'id' | 'createdAt'>): (keyof ApiKey)[] {
  if (maker.admin) return [];
  const faults: (keyof ApiKey)[] = [];
  if (key.partner !== maker.partner) faults.push('partner');
  if (key.scopes.some((scope) => !maker.scopes.includes(scope))) faults.push('scopes');
  if (key.sources.some((source) => !mayUseSource(maker, source))) faults.push('sources');
  if (maker.rateLimitPerMinute !== undefined && key.rateLimitPerMinute > maker.rateLimitPerMinute)
    faults.push('rateLimitPerMinute');
  if (maker.expiresAt !== undefined && (key.expiresAt === undefined || key.expiresAt > maker.expiresAt))
    faults.push('expiresAt');
  return faults;
}
