import * as z from 'zod/mini';
import type { Source } from '../domain/source.ts';
import { Unintelligible } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { AskShop } from '../engine/storefront.ts';
import { read } from './fields.ts';
import { addressOf, credentialOf } from './shop-api.ts';

/** The project's API, with a token by OAuth's client credentials that is kept until shortly before it ends. */

/** Key of the project, the end of the address. */
export function projectOf({ address }: Source): string | undefined {
  return /\/([\w-]+)\/*$/.exec(address ?? '')?.[1];
}

export function mayAsk({ address, credentials }: Source): boolean {
  return Boolean(address && credentials?.clientId && credentials.clientSecret && credentials.authAddress);
}

/**
 * Asks the project; undefined where there is no such thing.
 * @throws Unintelligible that says what the source lacks
 * @throws Problem `shop_unavailable`, `shop_refused`
 */
export async function askProject(source: Source, ask: AskShop, path: string): Promise<unknown> {
  const address = addressOf(source, 'https://api.{region}.commercetools.com/{projectKey}');
  const client = clientOf(source);
  const token = await tokenOf(client, ask);
  try {
    return await ask(address, { path, headers: { authorization: `Bearer ${token}` } });
  } catch (error) {
    // A token that was revoked before its time: the next try takes a fresh one.
    if (error instanceof Problem && error.code === 'shop_refused') tokens.delete(client.name);
    throw error;
  }
}

interface Client {
  name: string;
  authAddress: string;
  basic: string;
}

function clientOf(source: Source): Client {
  const [id, secret] = [credentialOf(source, 'clientId'), credentialOf(source, 'clientSecret')];
  const authAddress = credentialOf(source, 'authAddress');
  if (!URL.canParse(authAddress))
    throw new Unintelligible(
      'credentials.authAddress is no address: set it to https://auth.{region}.commercetools.com',
    );
  const basic = Buffer.from(`${id}:${secret}`).toString('base64');
  return { name: `${authAddress} ${basic}`, authAddress, basic };
}

const tokens = new Map<string, { token: Promise<string>; until: number }>();
const mostTokens = 100;
/** A token is given up so many seconds before its end, and kept for a minute until its end is known. */
const margin = 60;

/** Whoever asks at the same time shares one request. */
function tokenOf(client: Client, ask: AskShop): Promise<string> {
  const known = tokens.get(client.name);
  if (known && performance.now() < known.until) return known.token;
  if (tokens.size >= mostTokens) tokens.clear();
  const kept = { token: newToken(client, ask, (seconds) => extend(seconds)), until: performance.now() + margin * 1000 };
  const extend = (seconds: number) => {
    kept.until = performance.now() + Math.max(0, seconds - margin) * 1000;
  };
  kept.token.catch(() => tokens.get(client.name) === kept && tokens.delete(client.name));
  tokens.set(client.name, kept);
  return kept.token;
}

const tokenShape = z.object({
  access_token: z.string().check(z.regex(/^[\x21-\x7e]{1,8192}$/)),
  expires_in: z.number(),
});

async function newToken({ authAddress, basic }: Client, ask: AskShop, lasts: (seconds: number) => void) {
  const answer = await ask(authAddress, {
    path: '/oauth/token',
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    form: { grant_type: 'client_credentials' },
  });
  if (answer === undefined) throw new Unintelligible('credentials.authAddress leads to nothing that gives tokens');
  const { access_token, expires_in } = read(tokenShape, answer, '/token');
  lasts(expires_in);
  return access_token;
}
