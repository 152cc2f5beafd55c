/** E-mail addresses and phone numbers within the texts of strangers, however these are written. */

/**
 * How a text may write a character: as bytes in a URL, as HTML's reference (behind a number the `;` may be missing), as
 * JSON's escape.
 */
const encoded = /(?:%[\da-f]{2})+|&#0*(\d{1,7});?|&#x0*([\da-f]{1,6});?|&([a-z]{2,8});|\\u([\da-f]{4})/gi;
const namedSigns: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  commat: '@',
  excl: '!',
  gt: '>',
  hyphen: '-',
  lowbar: '_',
  lt: '<',
  nbsp: ' ',
  period: '.',
  plus: '+',
  quot: '"',
  sol: '/',
};
const utf8 = new TextDecoder();
/** A link within a link within HTML. */
const mostLayers = 3;
/** Joiners, marks of direction, soft hyphens, variants of signs: a text looks the same with them. */
const unseen = /\p{Cf}|[\ufe00-\ufe0f]/gu;
/** Signs of addresses and numbers in full width. Letters stay, as an address may have been kept with them. */
const fullWidth = /[\uff08\uff09\uff0b\uff0d\uff0e\uff10-\uff19\uff20\uff3f]/g;

/** Ends an address on either side. */
const noAddress = /[\s@<>()[\]\\,;:"?]/;
/** What people have in their addresses: `mary-ann@` is not `ann@`, and `mary/ann@` neither. All else may be of the text. */
const usual = /[\p{L}\p{Mn}\p{Mc}\p{N}._+'\-/!~]/u;
const firstSigns = /^[._+'\-/!~]+/;
/** A slash at the beginning, or behind a sign of the text: then all slashes are of a path. */
const path = /(?:^|[^\p{L}\p{Mn}\p{Mc}\p{N}._+'\-/!~])\//u;
const ofPath = /[/!~]/;
const latin = /\p{Script=Latin}/u;
const foreign = /(?![\p{Script=Latin}\p{Script=Inherited}])[\p{L}\p{Mn}\p{Mc}]/u;
/** A domain at the beginning of a text, without the dot or hyphen behind it. */
const domain = /^[\p{L}\p{M}\p{N}]+(?:(?:\.|-+)[\p{L}\p{M}\p{N}]+)*/u;
const topName = /\.\p{L}{2,}$/u;
/** A top-level name that a sentence follows at once, behind its dot or without one; or letters of another script. */
const endedName = new RegExp(
  [
    String.raw`\.\p{Ll}{2,}(?=\.\p{Lu}|\p{Lu}[^.]*$)`,
    String.raw`\.\p{Lu}{2,}(?=\.\p{Lu}\p{Ll})`,
    String.raw`\.\p{Script=Latin}{2,}(?=${foreign.source})`,
    String.raw`\.(?:${foreign.source}){2,}(?=\p{Script=Latin})`,
  ].join('|'),
  'gu',
);
/** The last top-level name that a digit or a hyphen follows. */
const cutName = /^.*\.\p{L}{2,}(?=\.?\p{N}|-)/u;
const mostEnds = 2;
/**
 * A local part has 64 characters at most (RFC 5321), and quotes before it; so many places are tried as its beginning, the
 * nearest first: nobody has more signs in it that are not usual there.
 */
const longestLocal = 70;
const mostBeginnings = 6;
/** What stands on one side of an `@` is read no further than this, in whatever form of Unicode it is written. */
const longestSide = 512;
/** A number with its country code within a text. */
const internationalNumber = /(?:\+|(?<!\d)00)[1-9][\d ().\-/]{5,24}/g;
/** Fewer digits are no number with its country code. */
const leastDigits = 8;
const mostGroups = 5;

/** The text as people read it: decoded, without what cannot be seen, with plain signs, hyphens and blanks. */
export function asPeopleRead(text: string): string {
  return decoded(text)
    .replace(unseen, '')
    .replace(fullWidth, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
    .replace(/\ufe6b/g, '@')
    .replace(/[\u2010-\u2015\u2212]/g, '-')
    .replace(/[\u00a0\u2007\u202f\u3000]/g, ' ');
}

function decoded(text: string): string {
  let before = text;
  for (let layer = 0; layer < mostLayers; layer++) {
    const after = before.replace(encoded, character);
    if (after === before) break;
    before = after;
  }
  return before;
}

function character(whole: string, decimal?: string, hex?: string, name?: string, unit?: string): string {
  if (name !== undefined) return namedSigns[name.toLowerCase()] ?? whole;
  const digits = hex ?? unit;
  if (decimal === undefined && digits === undefined) return ofBytes(whole);
  const code = digits === undefined ? Number(decimal) : Number.parseInt(digits, 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}

function ofBytes(bytes: string): string {
  return utf8.decode(Uint8Array.from(bytes.slice(1).split('%'), (byte) => Number.parseInt(byte, 16)));
}

/**
 * What may be the address around each `@` of a text {@link asPeopleRead}. It may begin behind every sign that people do not
 * have in their addresses, behind letters of another script than its own and behind the slashes of a path; signs at its
 * beginning may be of the text. It may end wherever its domain may: at the end of what looks like one, and before that
 * where a top-level name is followed by letters of another script, by a sentence, a digit or a hyphen. So another address
 * that merely ends or begins like it is none of them. However long the text is, so much is looked at for each `@`, and no
 * more: it is a stranger's.
 */
export function* addressesIn(text: string): Generator<string> {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    let start = at;
    while (start > 0 && at - start <= longestSide && !noAddress.test(text.charAt(start - 1))) start -= 1;
    let end = at + 1;
    while (end < text.length && end - at <= longestSide && !noAddress.test(text.charAt(end))) end += 1;
    const found = domain.exec(text.slice(at + 1, Math.min(end, at + 1 + longestSide)))?.[0] ?? '';
    const isWhole = at - start <= longestSide && end - at <= longestSide;
    // The end of a sentence is no part of it.
    while (text.charAt(end - 1) === '.') end -= 1;
    if (isWhole && start < at && end > at + 1 + found.length) yield text.slice(start, end);
    if (!found.includes('.')) continue;
    const domains = domainsIn(found);
    const side = { text: text.slice(start, at), before: text.charAt(start - 1), isWhole };
    const locals = new Set(localsIn(side, scriptOf(found.charAt(0)) ?? 'latin'));
    for (const local of locals) for (const one of domains) yield `${local}@${one}`;
  }
}

function domainsIn(found: string): string[] {
  const ended = [...found.matchAll(endedName)].slice(0, mostEnds);
  const cut = topName.test(found) ? undefined : cutName.exec(found)?.[0];
  return [
    found,
    ...ended.map(({ index, 0: name }) => found.slice(0, index + name.length)),
    ...(cut === undefined ? [] : [cut]),
  ];
}

type Script = 'latin' | 'foreign';

function scriptOf(letter: string): Script | undefined {
  if (latin.test(letter)) return 'latin';
  return foreign.test(letter) ? 'foreign' : undefined;
}

interface Side {
  text: string;
  /** What ends it at its beginning. */
  before: string;
  /** Whether it is there up to its beginning. */
  isWhole: boolean;
}

function* localsIn({ text, before, isWhole }: Side, ofDomain: Script): Generator<string> {
  if (isWhole) yield* withoutSigns(text);
  // `\n` within JSON within JSON.
  if (before === '\\' && /^[nrt]/.test(text)) yield* withoutSigns(text.slice(1));
  const isPath = before === '@' || path.test(text);
  let script: Script | undefined;
  let isMixed = false;
  let beginnings = 0;
  for (let cut = text.length - 1; cut >= 0 && text.length - cut <= longestLocal; cut--) {
    const sign = text.charAt(cut);
    const own = scriptOf(sign);
    if (own !== undefined) script ??= cut === text.length - 1 ? own : ofDomain;
    const isOther = own !== undefined && own !== script && !isMixed;
    if (isOther) isMixed = true;
    if (!isOther && usual.test(sign) && !(isPath && ofPath.test(sign))) continue;
    yield* withoutSigns(text.slice(cut + 1));
    beginnings += 1;
    if (beginnings === mostBeginnings) return;
  }
}

/** A local part, and what is left where the first or all of the signs that it begins with are of the text. */
function* withoutSigns(local: string): Generator<string> {
  const signs = firstSigns.exec(local)?.[0].length ?? 0;
  for (const from of new Set([0, Math.min(signs, 1), signs])) if (from < local.length) yield local.slice(from);
}

/** Numbers with their country code, also without the groups of digits behind them that may be of the text. */
export function* numbersIn(text: string): Generator<string> {
  for (const [found] of text.matchAll(internationalNumber)) {
    const groups = found.replace(/^00/, '+').split(/(?=[ ().\-/])/);
    for (let count = groups.length; count > 0 && count > groups.length - mostGroups; count--) {
      const number = groups.slice(0, count).join('').trim();
      if (number.replace(/\D/g, '').length < leastDigits) break;
      yield number;
    }
  }
}
