/** A value as the wire knows it: `{ S: 'text' }`, `{ N: '12' }`; bytes are base64. */
export type AttributeValue = Readonly<Record<string, unknown>>;
export type AttributeMap = Record<string, AttributeValue>;
export type Item = Record<string, unknown>;

/** Nearer to zero DynamoDB takes no number but zero itself. */
const leastNumber = 1e-130;

/**
 * Plain values as attribute values. `undefined` is left out; numbers are exact or an error, but for what is nearer to zero
 * than the store can hold: that is zero; a `Set` holds texts.
 * @throws TypeError for what cannot be kept: NaN, an unsafe integer, an empty set, an instance of a class
 */
export function pack(value: unknown): AttributeValue {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'boolean':
      return { BOOL: value };
    case 'bigint':
      return { N: value.toString() };
    case 'number':
      if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)
        throw new TypeError('a number that is not exact cannot be kept');
      return { N: String(Math.abs(value) < leastNumber ? 0 : value) };
    case 'object':
      return packObject(value);
    default:
      throw new TypeError(`a value of type ${typeof value} cannot be kept`);
  }
}

function packObject(value: object | null): AttributeValue {
  if (value === null) return { NULL: true };
  if (Array.isArray(value)) return { L: value.filter((one) => one !== undefined).map(pack) };
  if (value instanceof Uint8Array) {
    return { B: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (value instanceof Set) {
    const texts = [...value];
    if (texts.length === 0 || texts.some((text) => typeof text !== 'string'))
      throw new TypeError('only sets of texts can be kept');
    return { SS: texts };
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`a ${prototype.constructor?.name} cannot be kept`);
  return { M: packItem(value) };
}

export function packItem(item: object): AttributeMap {
  const packed: AttributeMap = {};
  for (const [name, value] of Object.entries(item)) if (value !== undefined) put(packed, name, pack(value));
  return packed;
}

/** Integers beyond 2^53 are bigint. */
export function unpack(attribute: AttributeValue): unknown {
  for (const type in attribute) {
    const value = attribute[type];
    switch (type) {
      case 'S':
      case 'BOOL':
        return value;
      case 'N':
        return readNumber(value as string);
      case 'M':
        return unpackItem(value as AttributeMap);
      case 'L':
        return (value as AttributeValue[]).map(unpack);
      case 'NULL':
        return null;
      case 'B':
        return new Uint8Array(Buffer.from(value as string, 'base64'));
      case 'SS':
        return new Set(value as string[]);
      default:
        throw new TypeError(`an attribute value of type ${type} is not known here`);
    }
  }
  throw new TypeError('an attribute value without a type');
}

export function unpackItem(attributes: AttributeMap): Item {
  const item: Item = {};
  for (const [name, value] of Object.entries(attributes)) put(item, name, unpack(value));
  return item;
}

/** Assigning to `__proto__` would keep nothing. */
function put<Value>(map: Record<string, Value>, name: string, value: Value): void {
  if (name !== '__proto__') map[name] = value;
  else Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
}

function readNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}
