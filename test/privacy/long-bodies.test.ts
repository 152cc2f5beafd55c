import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { normaliseEmail, normalisePhone } from '../../shared/domain/identity.ts';
import { namedIn } from '../../shared/engine/names-person.ts';
import { readJson } from '../../shared/http/json.ts';
import { person } from '../../shared/storefronts/fields.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  shop = await openPrivacyShop();
});
afterAll(() => shop.stop());
afterEach(() => {
  vi.restoreAllMocks();
});

const today = '2026-04-10T12:00:00.000Z';

/** What takes steps by the square of this many characters takes minutes to hours; what takes them by its length, a second. */
const length = 600_000;
const full = (piece: string, of = length) => piece.repeat(Math.floor(of / piece.length));

/** Pairs within pairs, as deep as bodies may be. */
const pairs = (levels: number) =>
  `${full('{"key":"k","value":', levels * 19)}[${full('1,', 20_000)}1]${full('}', levels)}`;

const bodies = {
  'a text without blanks': JSON.stringify({ id: 1, note: full('a') }),
  'a text of signs of addresses': JSON.stringify({ note: full('@') }),
  'a text of addresses': JSON.stringify({ note: full('a@b.example ') }),
  'a text of marks and addresses': JSON.stringify({ note: full(`${'!'.repeat(64)}@b.example`) }),
  'a text of signs of texts and addresses': JSON.stringify({ note: full(`${'|'.repeat(64)}@b.example`) }),
  'a text of paths and addresses': JSON.stringify({ note: full(`${'/a'.repeat(32)}@b.example.`) }),
  'a text of ends of domains': JSON.stringify({ note: full(`a@${'b.ccc-d'.repeat(60)} `) }),
  'a text of short addresses': JSON.stringify({ note: full('!a@b') }),
  'a text of bytes': JSON.stringify({ note: full('%ff%40 ') }),
  'a text of signs of HTML': JSON.stringify({ note: full(`&#${'0'.repeat(500)}`) }),
  'a text of numbers of phones': JSON.stringify({ note: full('call +4930123456 ') }),
  'a text of ends of sentences': JSON.stringify({ note: full(`a@${'.'.repeat(500)}x `) }),
  'a text of links': JSON.stringify({ note: `${full('/customers/')} ` }),
  'a number of many digits': `{"id":${full('1')}}`,
  'a name of many characters, of many numbers': `{"${full('n')}":[${full('1,', 200_000)}1]}`,
  'many fields': `{${Array.from({ length: 50_000 }, (_, index) => `"f${index}":1`).join(',')}}`,
  'many objects': `[${full('{"id":1},')}1]`,
  'many customers': `{"customers":[${Array.from({ length: 80_000 }, (_, index) => index).join(',')}]}`,
  'many numbers of phones': `{"phone":[${full('"0301234567",')}1]}`,
  'blanks for a number': JSON.stringify({ phone: `0${full(' ')}` }),
  'pairs within pairs': pairs(14),
};

test.each(Object.entries(bodies))(
  '%s is looked through in time',
  (_, text) => {
    const began = performance.now();
    const mint = (_kind: string, ...parts: string[]) => parts.join(' ');
    const phoneOf = (given: string) => person({ phone: given }, { country: 'DE' }).phone;
    const marks = { ids: new Set(['email ada@mail.example']), sourceId: 's', mint, phoneOf };
    const unread = text.slice(0, -1);
    for (const body of [readJson(Buffer.from(text)), unread, `${unread} ada@mail.example`])
      expect(namedIn(body, {}, marks).addresses).toHaveLength(String(body).endsWith('ada@mail.example') ? 1 : 0);
    expect(performance.now() - began).toBeLessThan(20_000);
  },
  30_000,
);

test.each([
  ['the same signs', () => '|.+a@b.cc', 100],
  ['signs that differ', (index: number) => `${'|.+'.repeat(16)}${index}@b.aa.Aa.Aa.Aa.Aa`, length],
  ['signs at short distances', (index: number) => `|.+a${index}@b.cc`, length],
])('of %s no more is looked up than there are characters', (_, piece, most) => {
  let asked = 0;
  const mint = (_kind: string, ...parts: string[]) => {
    asked += 1;
    return parts.join(' ');
  };
  let note = '';
  for (let index = 0; note.length < length; index++) note += piece(index);
  namedIn({ note }, {}, { ids: new Set(), sourceId: 's', mint, phoneOf: () => undefined });
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(most);
});

test('an export whose bodies take long comes in more pages, and has them all', async () => {
  await shop.setClock(today);
  const bought = { created_at: today, updated_at: today, currency: 'EUR', total_price: '1.00' };
  const customer = { id: 600_011, email: 'eve.long@mail.example' };
  for (const id of [600_011, 600_012, 600_013]) await shop.deliver('orders/create', { ...bought, id, customer });
  await shop.keep();
  const customerId = (await shop.find({ email: customer.email }))?.id as string;
  const { body: asked } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  const params = { requestId: asked.id as string };
  let machineNow = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (machineNow += 10_000));
  const bodies: string[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? {} : { cursor };
    const { status, body } = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', { params, query });
    expect(status).toBe(200);
    const data = body.data as unknown as { section: string; content: { body: string } }[];
    const some = data.filter(({ section }) => section === 'delivery').map(({ content }) => content.body);
    expect(some.length).toBeLessThan(2);
    bodies.push(...some);
    cursor = (body.nextCursor as string | null) ?? undefined;
  } while (cursor !== undefined);
  expect(bodies.map((text) => JSON.parse(text).id).sort()).toEqual([600_011, 600_012, 600_013]);
});

test('what is no address and no number is told in time, however long it is', () => {
  const began = performance.now();
  for (const piece of ['a', '@', ' ', '.', '(0)', '\u0301\u0316']) {
    expect(normaliseEmail(`a${full(piece)}`)).toBeUndefined();
    expect(normalisePhone(`0${full(piece)}`)).toBeUndefined();
  }
  expect(performance.now() - began).toBeLessThan(5_000);
});

test('an address is found wherever it stands, up to its full length', () => {
  const mint = (_kind: string, ...parts: string[]) => parts.join(' ');
  const found = (text: string, address: string) =>
    namedIn(text, {}, { ids: new Set([`email ${address}`]), sourceId: 's', mint, phoneOf: () => undefined }).addresses;
  const long = `${'l'.repeat(64)}@${'d'.repeat(180)}.example`;
  for (const address of ['ada@mail.example', 'zoë+tag@mail.example', "o'brien@mail.example", 'a&b@mail.example', long])
    for (const text of [
      address,
      `<${address}>`,
      `at ${address}.`,
      `mailto:${address}?subject=x`,
      `x@y@z ${address}, @`,
      `Mail me at ${address}!`,
      `Ada|${address}|1`,
      `https://shop.example/u/${address}`,
      `**${address}**`,
      `{${address}}`,
      `“${address}”`,
      `'${address}'`,
      `to='${address}'`,
      `\`${address}\``,
      `-${address}`,
      `b@mail.example/${address}`,
      `\u200b${address.replace('@', '\u200b@')}…`,
      `/?to=${address.replace('@', '%40')}&x`,
      `to ${address.replace('@', '&#64;')} please`,
    ])
      expect([text, found(text, address).length]).toEqual([text, 1]);
  expect(found(`x${long}`, long)).toEqual([]);
  for (const other of ['ada.ada@', 'mary-ada@', 'x+ada@', 'x_ada@', "o'ada@"])
    expect(found(`to ${other}mail.example.`, 'ada@mail.example')).toEqual([]);
  expect(found('ada@mail.example.org', 'ada@mail.example')).toEqual([]);
});

test('a number with its country code is found within a text', () => {
  const mint = (_kind: string, ...parts: string[]) => parts.join(' ');
  const marks = { ids: new Set(['phone +4930123456']), sourceId: 's', mint, phoneOf: () => undefined };
  for (const note of [
    'call +49 30 123456 please',
    'tel:+49-30-123456, evenings',
    'Ada (+4930123456)',
    '+49 30 123456\n10115 Berlin',
    '0049 30 123456 / 030 999',
    '+49 30 123456 2 apples',
    '+49\u201130\u00a0123456',
  ])
    expect([note, namedIn({ note }, {}, marks).addresses.length]).toEqual([note, 1]);
  expect(namedIn({ note: 'call +49 30 1234567' }, {}, marks).addresses).toEqual([]);
});

test('a body of base64 that nobody understood holds up neither erasures nor exports', async () => {
  await shop.setClock(today);
  const bought = { created_at: today, updated_at: today, currency: 'EUR', total_price: '1.00' };
  const customer = { id: 600_001, email: 'ada.long@mail.example', first_name: 'Ada' };
  await shop.deliver('orders/create', { ...bought, id: 600_001, customer });
  const picture = { id: 600_002, image: full('QUJD', 1_500_000) };
  await shop.deliver('products/update', picture);
  await shop.deliver('orders/create', { id: 'x', note: picture.image });
  await shop.keep();
  const customerId = (await shop.find({ email: customer.email }))?.id as string;
  const began = performance.now();
  const { body } = await shop.api.call('POST /v1/privacy-requests', { body: { type: 'export', customerId } });
  const exported = await shop.api.call('GET /v1/privacy-requests/{requestId}/export', {
    params: { requestId: body.id as string },
  });
  expect(exported.status).toBe(200);
  const requestId = await shop.erase(customerId);
  await shop.workAll();
  expect((await shop.request(requestId)).status).toBe('done');
  expect(performance.now() - began).toBeLessThan(30_000);
}, 60_000);
