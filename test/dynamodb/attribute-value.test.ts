import { convertToAttr, marshall } from '@aws-sdk/util-dynamodb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack, packItem, unpack, unpackItem } from '../../shared/dynamodb/attribute-value.ts';

const numbers = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 })
    .map((value) => (Math.abs(value) < 1e-130 ? 0 : value)),
);
const { value: values } = fc.letrec((tie) => ({
  leaf: fc.oneof(fc.string({ unit: 'binary' }), numbers, fc.boolean(), fc.constant(null), fc.bigInt()),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

const asTheClient = { removeUndefinedValues: true, convertClassInstanceToMap: true };

describe('a plain value', () => {
  it('is on the wire what the SDK makes of it', () => {
    fc.assert(
      fc.property(values, (value) => {
        // The SDK's own converter loses a property named `__proto__`, and takes what has one named
        // `constructor` for the instance of a class.
        fc.pre(!JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? '' : part)).includes('__proto__'));
        expect(pack(value)).toEqual(convertToAttr(value, asTheClient));
      }),
    );
  });

  it('comes back from the wire as it went', () => {
    fc.assert(
      fc.property(values, (value) => {
        const onTheWire = JSON.parse(JSON.stringify(pack(value)));
        expect(normal(unpack(onTheWire))).toEqual(normal(value));
      }),
    );
  });

  it.each([
    [9_007_199_254_740_991n, 9_007_199_254_740_991],
    [9_007_199_254_740_992n, 9_007_199_254_740_992n],
    [-123_456_789_012_345_678_901_234n, -123_456_789_012_345_678_901_234n],
  ])('of %s keeps every digit', (written, read) => {
    expect(unpack(pack(written))).toBe(read);
  });

  it.each([
    [5e-324, '0'],
    [-9.99e-131, '0'],
    [1e-130, '1e-130'],
    [-1e-130, '-1e-130'],
  ])('of %s is %s, as the store holds nothing nearer to zero', (value, N) => {
    expect(pack(value)).toEqual({ N });
  });

  it('of bytes is base64, in part of a buffer as well', () => {
    const bytes = Buffer.from('hello world').subarray(6);
    expect(pack(bytes)).toEqual({ B: 'd29ybGQ=' });
    expect(unpack({ B: 'd29ybGQ=' })).toEqual(new Uint8Array(bytes));
  });

  it('of a set of texts is one, as by the SDK', () => {
    const item = { days: new Set(['2026-01-01', '2026-01-02']), gone: undefined, list: [1, undefined, 2] };
    expect(packItem(item)).toEqual(marshall(item, asTheClient));
    expect(unpackItem(packItem(item))).toEqual({ days: item.days, list: [1, 2] });
  });

  it('has no name that is lost', () => {
    const item = JSON.parse('{"__proto__":{"a":1},"constructor":"x"}');
    expect(JSON.stringify(unpackItem(JSON.parse(JSON.stringify(packItem(item)))))).toBe(JSON.stringify(item));
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    new Date(0),
    new Map(),
    new Set(),
    new Set([1]),
    () => 1,
    Symbol('s'),
  ])('that cannot be kept is refused: %s', (value) => {
    expect(() => pack({ value })).toThrow(TypeError);
  });
});

/** -0 is 0 on the wire; integers are bigint only beyond 2^53. */
function normal(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) + 0 : value;
  if (typeof value === 'number') return value + 0;
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).map(([name, part]) => [name, normal(part)]);
  return value;
}
