import type { Source } from '../domain/source.ts';
import { Unintelligible } from '../engine/fact.ts';
import type { AskShop } from '../engine/storefront.ts';
import { askAs, type OAuthClient } from './client-credentials.ts';
import { addressOf, credentialOf } from './shop-api.ts';

/** The project's API. */

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
  return askAs(clientOf(source), ask, address, path);
}

function clientOf(source: Source): OAuthClient {
  const [id, secret] = [credentialOf(source, 'clientId'), credentialOf(source, 'clientSecret')];
  const address = credentialOf(source, 'authAddress');
  if (!URL.canParse(address))
    throw new Unintelligible(
      'credentials.authAddress is no address: set it to https://auth.{region}.commercetools.com',
    );
  return { address, path: '/oauth/token', id, secret };
}
