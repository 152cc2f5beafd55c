import { UsageError } from './command.ts';

/** Where the API is, and the key to it. */
export interface ApiAccess {
  /** Without a slash at its end. */
  url: string;
  key: string;
}

/** @throws UsageError */
export function readAccess(
  given: { url?: string | undefined; key?: string | undefined },
  environment: Record<string, string | undefined>,
): ApiAccess {
  const key = given.key ?? environment.RAPPORT_KEY;
  if (!key) throw new UsageError('Give a key: --key KEY, or RAPPORT_KEY.');
  return { url: readUrl(given.url ?? environment.RAPPORT_URL ?? 'http://127.0.0.1:8787'), key };
}

function readUrl(text: string): string {
  if (!URL.canParse(text)) throw new UsageError('--url must be an address.');
  const { protocol, hostname } = new URL(text);
  const isHere = /^(127\.0\.0\.1|localhost|\[::1\])$/.test(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && isHere))
    throw new UsageError('--url must be https: key and customers must not travel in the clear.');
  return text.replace(/\/+$/, '');
}
