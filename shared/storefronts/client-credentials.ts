import * as z from 'zod/mini';
import { Unintelligible } from '../engine/fact.ts';
import { Problem } from '../engine/problem.ts';
import type { AskShop } from '../engine/storefront.ts';
import { read } from './fields.ts';

/** A client that asks by OAuth's client credentials. */
export interface OAuthClient {
  /** Where tokens are given: an address, and the path below it. */
  address: string;
  path: string;
  id: string;
  secret: string;
}

/**
 * Asks an API with the client's token, which is kept until shortly before it ends; undefined where there is no such thing.
 * @throws Unintelligible where no token is given
 * @throws Problem `shop_unavailable`, `shop_refused`
 */
export async function askAs(client: OAuthClient, ask: AskShop, address: string, path: string): Promise<unknown> {
  const token = await tokenOf(client, ask);
  try {
    return await ask(address, { path, headers: { authorization: `Bearer ${token}` } });
  } catch (error) {
    // A token that was revoked before its time: the next try takes a fresh one.
    if (error instanceof Problem && error.code === 'shop_refused') tokens.delete(nameOf(client));
    throw error;
  }
}

const tokens = new Map<string, { token: Promise<string>; until: number }>();
const mostTokens = 100;
/** A token is given up so many seconds before its end, and kept for a minute until its end is known. */
const margin = 60;

const basicOf = ({ id, secret }: OAuthClient) => Buffer.from(`${id}:${secret}`).toString('base64');
const nameOf = (client: OAuthClient) => `${client.address} ${basicOf(client)}`;

/** Whoever asks at the same time shares one request. */
function tokenOf(client: OAuthClient, ask: AskShop): Promise<string> {
  const name = nameOf(client);
  const known = tokens.get(name);
  if (known && performance.now() < known.until) return known.token;
  if (tokens.size >= mostTokens) tokens.clear();
  const kept = { token: newToken(client, ask, (seconds) => extend(seconds)), until: performance.now() + margin * 1000 };
  const extend = (seconds: number) => {
    kept.until = performance.now() + Math.max(0, seconds - margin) * 1000;
  };
  kept.token.catch(() => tokens.get(name) === kept && tokens.delete(name));
  tokens.set(name, kept);
  return kept.token;
}

const tokenShape = z.object({
  access_token: z.string().check(z.regex(/^[\x21-\x7e]{1,8192}$/)),
  expires_in: z.number(),
});

async function newToken(client: OAuthClient, ask: AskShop, lasts: (seconds: number) => void) {
  const answer = await ask(client.address, {
    path: client.path,
    method: 'POST',
    headers: { authorization: `Basic ${basicOf(client)}` },
    form: { grant_type: 'client_credentials' },
  });
  if (answer === undefined) throw new Unintelligible('the address that is asked for tokens has none: is it right?');
  const { access_token, expires_in } = read(tokenShape, answer, '/token');
  lasts(expires_in);
  return access_token;
}
