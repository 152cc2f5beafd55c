import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { namedIn } from '../../shared/engine/names-person.ts';

const mint = (_kind: string, ...parts: string[]) => parts.join(' ');
const marksOf = (id: string) => ({ ids: new Set([id]), sourceId: 's', mint, phoneOf: () => undefined });
const isAddress = (body: unknown, address: string) =>
  namedIn(body, {}, marksOf(`email ${address}`)).addresses.length > 0;
const isNumber = (body: unknown, number: string) => namedIn(body, {}, marksOf(`phone ${number}`)).addresses.length > 0;

const ada = 'ada@mail.example';

describe('an address within a text', () => {
  test.each([
    'ada＠mail.example',
    'ａｄａ＠ｍａｉｌ．ｅｘａｍｐｌｅ',
    'ada﹫mail.example',
    'ada%40mail.example',
    'ada%40mail%2Eexample',
    'to=%61da%40mail.example&x',
    'https://shop.example/?next=%2Faccount%3Femail%3Dada%2540mail.example%26x',
    'ada&#64;mail.example',
    'ada&#064;mail.example',
    'ada&#0000064;mail.example',
    'ada&#64mail.example',
    'ada&#x40;mail.example',
    'ada&#X0040;mail.example',
    'ada&commat;mail&period;example',
    'ada&amp;#64;mail.example',
    '&lt;ada@mail.example&gt;',
    'From:&nbsp;ada@mail.example&nbsp;',
    '&quot;ada@mail.example&quot;',
    '{"note":"Hello\\nada\\u0040mail.example\\n"}',
    '请联系ada@mail.example谢谢',
    '邮箱：ada@mail.example。谢谢',
    '「ada@mail.example」',
    'メールはada@mail.exampleまで',
    'ada@mail.example으로 연락주세요',
    'ติดต่อที่ada@mail.exampleครับ',
    'Почта:ada@mail.exampleСпасибо',
    'почтаada@mail.example',
    '✉️ada@mail.example',
    'ada@mail.example.Next',
    'ada@mail.example.Next one. And another.',
    'ADA@MAIL.EXAMPLE.Next',
    'ada@mail.exampleNext',
    'ada@mail.example.2nd',
    'ada@mail.example-Tel.: 030',
    'ada@mail.example—thanks',
    'ada@mail.example...thanks',
    'a@mail.example/ada@mail.example',
    'https://shop.example/customers/ada@mail.example',
    '?path=/customers/ada@mail.example',
    '~ada@mail.example',
  ])('is found in %s', (text) => {
    expect(isAddress({ note: text }, ada)).toBe(true);
    expect(isAddress({ [text]: 1 }, ada)).toBe(true);
    expect(isAddress(text, ada)).toBe(true);
  });

  test.each([
    'mary/ada@mail.example',
    'mary%2Fada@mail.example',
    'mary&#47;ada@mail.example',
    'mary!ada@mail.example',
    'mary~ada@mail.example',
    'mary-ada@mail.example',
    'mary\u2011ada@mail.example',
    'mary.ada＠mail.example',
    'ada@mail.example.org',
    'ADA@MAIL.EXAMPLE.ORG',
    'Ada@Mail.Example.Org',
    'ada@mail.examples',
    'ada@mail.example-shop.org',
    'ada@mail.exampleShop.org',
    'ada@xmail.example',
  ])('is not found in %s', (text) => expect(isAddress({ note: text }, ada)).toBe(false));

  test('may be of another script, and is not taken for the part of it behind a dot', () => {
    const ivan = 'иван.петров@почта.рф';
    for (const text of [ivan, `Mail:${ivan}`, `Mail${ivan}Thanks`, `<${ivan}>.`, ivan.replace('@', '＠')])
      expect([text, isAddress({ note: text }, ivan)]).toEqual([text, true]);
    expect(isAddress({ note: ivan }, 'петров@почта.рф')).toBe(false);
    expect(isAddress({ note: '联系12345@mail.example' }, '12345@mail.example')).toBe(true);
    expect(isAddress({ note: 'zoe\u0301@mail.example' }, 'zoé@mail.example')).toBe(true);
    expect(isAddress({ note: 'zoe\u0301@mail.example' }, 'zoe@mail.example')).toBe(false);
  });
});

test.each([
  '%2B4930123456',
  'tel=%2B49%2030%20123456&x=1',
  '&#43;49 30 123456',
  '&plus;49&nbsp;30&nbsp;123456',
  '电话＋４９３０１２３４５６谢谢',
])('a number is found in %s', (text) => expect(isNumber({ note: text }, '+4930123456')).toBe(true));

const inner = fc.constantFrom('.', '_', '+', '-', "'", '/', '!', '~', '&', '');
const word = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const local = fc
  .array(fc.tuple(word, inner), { minLength: 1, maxLength: 4 })
  .chain((parts) => word.map((last) => parts.map(([text, sign]) => text + sign).join('') + last));
const domain = fc
  .tuple(
    fc.array(fc.stringMatching(/^[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?$/), { minLength: 1, maxLength: 3 }),
    fc.stringMatching(/^[a-z]{2,6}$/),
  )
  .map(([names, top]) => [...names, top].join('.'));

const encodings: ((address: string) => string)[] = [
  (address) => address,
  (address) => encodeURIComponent(address),
  (address) => encodeURIComponent(encodeURIComponent(address)),
  (address) => address.replaceAll('&', '&amp;').replace('@', '&#064;'),
  ...['＠', '﹫', '%40', '&#64;', '&#x0040;', '&commat;', '&amp;#64;', '\\u0040', '\u200b@\u200b'].map(
    (sign) => (address: string) => address.replace('@', sign),
  ),
];
const inAnyCode = fc.constantFrom(...encodings);
const beside = [
  '',
  ' ',
  '<',
  '(',
  '“',
  '"',
  '=',
  '|',
  '*',
  '{',
  '`',
  '→',
  ':',
  '：',
  'mailto:',
  '请联系',
  'メールは',
  'Почта',
];
const before = fc.constantFrom(...beside, "'", '-', 'ติดต่อที่', '\\n', '\n', '&nbsp;', '&lt;', '%20', '✉️');
const paths = fc.constantFrom('/u/', 'https://shop.example/u/', '?u=/', 'b@mail.example/', '~', '!');
const after = fc.constantFrom(
  ...[
    '',
    ' ',
    '>',
    ')',
    '”',
    '"',
    ',',
    ';',
    ':',
    '?',
    '!',
    "'",
    '.',
    '. Next',
    '.Next',
    'Next',
    '…',
    '谢谢',
    'です',
    'Спасибо',
  ],
  ...[
    '으로',
    '。',
    '，',
    '-Tel',
    '.2nd',
    '&x=1',
    '&gt;',
    '%20x',
    '/',
    '|',
    '*',
    '`',
    '}',
    '\n',
    '\\n',
    '<br>',
    '—thanks',
  ],
);

const runs = { numRuns: Number(process.env.RUNS ?? 1_000) };

test('any address is found, in whatever code it is written and whatever stands beside it', () => {
  fc.assert(
    fc.property(local, domain, inAnyCode, fc.oneof(before, paths), after, (name, host, coded, left, right) => {
      const address = `${name}@${host}`;
      return isAddress(`${left}${coded(address)}${right}`, address);
    }),
    runs,
  );
}, 60_000);

test('an address that merely ends or begins like it is another', () => {
  const longer = fc.oneof(
    fc.constantFrom('x', '1', 'x.', 'x+', 'x_', 'x-', "x'", 'x/', 'x!', 'x~').map((more) => [more, ''] as const),
    fc.constantFrom('x', '.org', 'x.org', '-x.org').map((more) => ['', more] as const),
  );
  fc.assert(
    fc.property(local, domain, inAnyCode, before, after, longer, (name, host, coded, left, right, [first, last]) => {
      const text = `${left}${coded(`${first}${name}@${host}${last}`)}${right}`;
      return !isAddress(text, `${name}@${host}`);
    }),
    runs,
  );
}, 60_000);
