import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../shared/http/json.ts';

const read = (text: string) => readJson(Buffer.from(text));

/** As somebody writes it: amounts with zeros at the end, ids of any length, exponents. */
const digits = (least: number, most: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: least, maxLength: most });
const written = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits(1, 20),
    fc.option(digits(1, 18)),
    fc.option(fc.integer({ min: -30, max: 30 })),
  )
  .map(([sign, whole, part, exponent]) => {
    const fraction = part === null ? '' : `.${part}`;
    return `${sign}${whole.replace(/^0+(?=\d)/, '')}${fraction}${exponent === null ? '' : `e${exponent}`}`;
  });

/** `1.50` and `15e-1` are one: whole digits and the power of ten behind them. */
function decimal(text: string): string {
  const [, sign, whole = '', part = '', exponent = '0'] = /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const significant = `${whole}${part}`.replace(/^0+/, '');
  const kept = significant.replace(/0+$/, '');
  if (kept === '') return '0';
  return `${sign}${kept}e${Number(exponent) - part.length + significant.length - kept.length}`;
}

describe('a number in a body of strangers', () => {
  it('comes back as a number or as its text, and never as another one', () => {
    fc.assert(
      fc.property(written, (text) => {
        const [found] = read(`[${text}]`) as [number | string];
        expect(decimal(String(found))).toBe(decimal(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the same whatever other numbers the body has', () => {
    fc.assert(
      fc.property(fc.array(written), fc.jsonValue({ maxDepth: 5 }), (numbers, value) => {
        const text = `[[${numbers}],${JSON.stringify(value)}]`;
        fc.pre(!text.includes('__proto__'));
        expect(read(`[${text},0.1000000000000000055511151231257827]`)).toEqual([
          read(text),
          '0.1000000000000000055511151231257827',
        ]);
        expect(read(`[${text},1e0]`)).toEqual([read(text), 1]);
      }),
    );
  });

  it.each(['-0', '-0.0', '-0e1'])('is zero without a sign where it is %s', (text) => expect(read(text)).toBe(0));

  it.each(['[01]', '[1.]', '[.5]', '[+1]', '[1e]', '[-]', '[--1]', '[1-1]', '[1 2]', '[0x10]', '[1_000]', '[NaN]'])(
    '%s is none',
    (text) => expect(() => read(text)).toThrow(/The body is not JSON/),
  );
});
