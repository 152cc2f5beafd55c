import type { Source } from '../domain/source.ts';
import { Unintelligible } from '../engine/fact.ts';

/** What a source must say before its shop can be asked. */

/** @throws Unintelligible that says what to set on the source */
export function addressOf(source: Source, what: string): string {
  if (source.address) return source.address;
  throw new Unintelligible(`the source has no address: set it to ${what}, then replay`);
}

/** @throws Unintelligible that says what to set on the source */
export function credentialOf(source: Source, name: string): string {
  const credential = source.credentials?.[name];
  if (credential) return credential;
  throw new Unintelligible(`the source has no credentials.${name}: set it, then replay`);
}

/** Text of a message that goes into the path of a request: nothing in it may lead elsewhere. */
export function pathPart(id: string, place: string): string {
  if (/^[\w-]{1,128}$/.test(id)) return id;
  throw new Unintelligible(`${place}: is no id that can be asked for`);
}
