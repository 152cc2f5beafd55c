import { BlockList, isIP } from 'node:net';

export class PatternError extends Error {
  override name = 'PatternError';
}

export type Scalar = string | number | boolean | null;
type Condition = (value: Scalar) => boolean;
type TextCondition = (text: string) => boolean;

/**
 * One value of a field's list: a literal or an object of one operator (all but `exists`).
 * @param place names the field in errors
 */
export function leafMatcher(condition: unknown, place: string): Condition {
  if (!isObject(condition)) {
    if (Array.isArray(condition) || condition === undefined) throw new PatternError(`${place}: a list within a list`);
    return (value) => value === condition;
  }
  const [entry, ...more] = Object.entries(condition);
  if (!entry || more.length > 0) throw new PatternError(`${place}: expected one operator`);
  const [operator, operand] = entry;
  switch (operator) {
    case 'exactly':
      return text(same(textOf(operand, operator, place)));
    case 'equals-ignore-case':
      return text(equalsIgnoreCase(textOf(operand, operator, place)));
    case 'prefix':
    case 'suffix':
      return text(affix(operator, operand, place));
    case 'wildcard':
      return text(wildcard(textOf(operand, operator, place), place));
    case 'numeric':
      return numeric(operand, place);
    case 'cidr':
      return text(cidr(textOf(operand, operator, place), place));
    case 'anything-but':
      return anythingBut(operand, place);
    default:
      throw new PatternError(`${place}: there is no operator ${operator}`);
  }
}

function text(condition: TextCondition): Condition {
  return (value) => typeof value === 'string' && condition(value);
}

function textOf(operand: unknown, operator: string, place: string): string {
  if (typeof operand === 'string') return operand;
  throw new PatternError(`${place}: ${operator} takes a text`);
}

function same(wanted: string): TextCondition {
  return (value) => value === wanted;
}

function equalsIgnoreCase(wanted: string): TextCondition {
  const folded = wanted.toLowerCase();
  return (value) => value.toLowerCase() === folded;
}

/** `{ "prefix": "a" }` or `{ "prefix": { "equals-ignore-case": "a" } }` */
function affix(operator: 'prefix' | 'suffix', operand: unknown, place: string): TextCondition {
  const ignoreCase = isObject(operand) && Object.keys(operand).join() === 'equals-ignore-case';
  const wanted = textOf(ignoreCase ? operand['equals-ignore-case'] : operand, operator, place);
  const holds = (value: string, part: string) =>
    operator === 'prefix' ? value.startsWith(part) : value.endsWith(part);
  if (!ignoreCase) return (value) => holds(value, wanted);
  const folded = wanted.toLowerCase();
  return (value) => holds(value.toLowerCase(), folded);
}

/** `*` stands for any number of characters; `\*` and `\\` for themselves. Linear: no regular expression is built. */
function wildcard(pattern: string, place: string): TextCondition {
  const parts = [''];
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] as string;
    if (character === '*') {
      if (pattern[index + 1] === '*') throw new PatternError(`${place}: two wildcards in a row`);
      parts.push('');
      continue;
    }
    const escaped = character === '\\' ? (pattern[++index] ?? '') : character;
    if (character === '\\' && escaped !== '*' && escaped !== '\\')
      throw new PatternError(`${place}: a backslash stands only before * and \\`);
    parts.push((parts.pop() ?? '') + escaped);
  }
  const [first = '', ...others] = parts;
  const last = others.pop();
  return (value) => {
    if (last === undefined) return value === first;
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false;
    const end = value.length - last.length;
    let from = first.length;
    for (const part of others) {
      const found = value.indexOf(part, from);
      if (found === -1 || found + part.length > end) return false;
      from = found + part.length;
    }
    return true;
  };
}

const bounds = { '<': 'upper', '<=': 'upper', '>': 'lower', '>=': 'lower' } as const;
const largest = 5_000_000_000;

/** `["=", 5]`, `["<", 10]` or `[">", 0, "<=", 5]`. */
function numeric(operand: unknown, place: string): Condition {
  const fail = () =>
    new PatternError(`${place}: numeric takes ["=", n], one bound, or a lower and then an upper bound`);
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) throw fail();
  const pairs = [operand.slice(0, 2), operand.slice(2)].filter((pair) => pair.length > 0);
  const tests = pairs.map(([operator, limit]) => {
    if (typeof limit !== 'number') throw fail();
    if (Math.abs(limit) > largest) throw new PatternError(`${place}: numbers lie between -5e9 and 5e9`);
    return { operator, limit };
  });
  const kinds = tests.map(({ operator }) => bounds[operator as keyof typeof bounds]);
  const range = tests.length === 2;
  if (range ? kinds.join() !== 'lower,upper' : kinds[0] === undefined && tests[0]?.operator !== '=') throw fail();
  if (range && Number(tests[0]?.limit) >= Number(tests[1]?.limit)) throw new PatternError(`${place}: an empty range`);
  return (value) =>
    typeof value === 'number' &&
    tests.every(({ operator, limit }) => {
      if (operator === '=') return value === limit;
      if (operator === '<') return value < limit;
      if (operator === '<=') return value <= limit;
      return operator === '>' ? value > limit : value >= limit;
    });
}

function cidr(operand: string, place: string): TextCondition {
  const [address = '', length, ...rest] = operand.split('/');
  const family = isIP(address);
  const bits = length === undefined ? (family === 4 ? 32 : 128) : Number(length);
  const valid =
    family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(length ?? '0') && bits <= (family === 4 ? 32 : 128);
  if (!valid) throw new PatternError(`${place}: ${operand} is no address range`);
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  return (value) => {
    const kind = isIP(value);
    return kind === family && list.check(value, kind === 4 ? 'ipv4' : 'ipv6');
  };
}

/** Takes a text, a number, a list of one of the two, or an operator on texts with one text or a list of them. */
function anythingBut(operand: unknown, place: string): Condition {
  if (!isObject(operand)) {
    const refused = Array.isArray(operand) ? operand : [operand];
    const kind = typeof refused[0];
    if ((kind !== 'string' && kind !== 'number') || refused.some((value) => typeof value !== kind))
      throw new PatternError(`${place}: anything-but takes texts or numbers, not both`);
    return (value) => !refused.includes(value);
  }
  const [entry, ...more] = Object.entries(operand);
  if (!entry || more.length > 0) throw new PatternError(`${place}: expected one operator within anything-but`);
  const [operator, inner] = entry;
  if (!['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(operator))
    throw new PatternError(`${place}: anything-but does not go with ${operator}`);
  const refused = (Array.isArray(inner) ? inner : [inner]).map((one) => leafMatcher({ [operator]: one }, place));
  if (refused.length === 0) throw new PatternError(`${place}: an empty list within anything-but`);
  return (value) => !refused.some((matches) => matches(value));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
