import { afterAll, beforeAll, expect, test } from 'vitest';
import { shopifySecret, standardSecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  api = await openApi();
});
afterAll(() => api.stop());

const put = (sourceId: string, body: unknown, more = {}) =>
  api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body, ...more });
const get = (sourceId: string, more = {}) => api.call('GET /v1/sources/{sourceId}', { params: { sourceId }, ...more });

const shop = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };

test('a source is made, shown without its secrets, and replaced', async () => {
  const made = await put('shop', { ...shop, backfillBefore: '2026-01-01T01:00:00+01:00' });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    id: 'shop',
    platform: 'shopify',
    secretCount: 1,
    currency: 'EUR',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    backfillBefore: '2026-01-01T00:00:00.000Z',
    webhookPath: '/v1/webhooks/shop',
  });
  expect(JSON.stringify(made.body)).not.toContain(shopifySecret);

  const { secrets: _, ...without } = shop;
  const replaced = await put('shop', without);
  expect(replaced.status).toBe(200);
  expect(replaced.body).toMatchObject({ secretCount: 1, createdAt: made.body.createdAt });
  expect(replaced.body).not.toHaveProperty('backfillBefore');
  const shown = await get('shop');
  expect(shown.body).toEqual(replaced.body);
});

test('the first source fixes the base currency', async () => {
  const other = await put('dollars', { ...shop, currency: 'USD' });
  expect(other.body).toMatchObject({ currency: 'USD', baseCurrency: 'EUR', baseTimeZone: 'Europe/Berlin' });
});

test('a new source needs secrets, those of the platform standard are base64', async () => {
  const { secrets: _, ...without } = shop;
  expect((await put('bare', without)).body.errors).toEqual([
    { pointer: '/secrets', detail: expect.stringContaining('missing') },
  ]);
  const standard = { ...shop, platform: 'standard' };
  for (const secret of ['whsec_not base64!', 'whsec_c2hvcnQ=', 'plain-text-secret-of-some-length'])
    expect((await put('till', { ...standard, secrets: [secret] })).status).toBe(400);
  expect((await put('till', { ...standard, secrets: [standardSecret, standardSecret.slice(6)] })).status).toBe(201);
});

test('platforms that sign by published keys need what these are found or bound by in the place of secrets', async () => {
  const { secrets: _, ...without } = shop;
  for (const [platform, name, value] of [
    ['paypal', 'webhookId', '9XL90610J3647323C'],
    ['adobe-commerce', 'webhookId', 'a-client-id'],
    ['saleor', 'address', 'https://shop.example.org/graphql/'],
  ] as const) {
    expect((await put(platform, { ...without, platform })).body.errors).toEqual([
      { pointer: `/${name}`, detail: expect.stringContaining('missing') },
    ]);
    expect(await put(platform, { ...without, platform, [name]: value })).toMatchObject({
      status: 201,
      body: { secretCount: 0 },
    });
  }
});

test('public keys of the platform standard stand beside its secrets', async () => {
  const standard = { ...shop, platform: 'standard' };
  const key = (bytes: number) => `whpk_${Buffer.alloc(bytes, 7).toString('base64')}`;
  expect((await put('asymmetric', { ...standard, secrets: [key(32), standardSecret] })).status).toBe(201);
  for (const secret of [key(31), key(33), 'whpk_', key(32).replace('whpk_', 'whsk_')])
    expect((await put('asymmetric', { ...standard, secrets: [secret] })).status).toBe(400);
});

test('a platform that needs no secrets takes none, and another one made of it asks for them', async () => {
  const { secrets: _, ...without } = shop;
  expect((await put('queue', { ...without, platform: 'commercetools' })).body).toMatchObject({ secretCount: 0 });
  expect((await put('queue', without)).status).toBe(400);
  const medusa = { ...shop, platform: 'medusa', secrets: ['plain-text-secret-of-some-length'] };
  expect((await put('med', medusa)).status).toBe(400);
  expect((await put('bc', { ...shop, platform: 'bigcommerce' })).status).toBe(201);
});

test('credentials are kept for the address that they were given for, and for no other', async () => {
  const woo = { ...shop, platform: 'woocommerce' };
  const credentials = { consumerKey: 'ck_1', consumerSecret: 'cs_1' };
  const address = 'https://shop.example.org';
  expect((await put('woo', { ...woo, address, credentials })).status).toBe(201);
  const anew = [{ pointer: '/credentials', detail: expect.stringContaining('anew') }];
  for (const change of [
    { address: 'https://shop.example.org.evil.example' },
    { address: 'https://shop.example.org:8443' },
    {},
    { address, platform: 'shopify' },
  ]) {
    const { status, body } = await put('woo', { ...woo, ...change });
    expect([status, body.code, body.errors]).toEqual([400, 'invalid_request', anew]);
  }
  const credentialNames = ['consumerKey', 'consumerSecret'];
  expect((await get('woo')).body).toMatchObject({ address, credentialNames });
  const moved = { ...woo, address: 'https://SHOP.example.org/blog' };
  expect(await put('woo', moved)).toMatchObject({ status: 200, body: { credentialNames } });
  const other = { ...woo, address: 'https://other.example.org' };
  expect(await put('woo', { ...other, credentials: {} })).toMatchObject({ status: 200, body: { credentialNames: [] } });
  // Nothing is kept, so nothing is asked for anew.
  expect(await put('woo', { ...woo, address })).toMatchObject({ status: 200, body: { credentialNames: [] } });
  expect((await put('woo', { ...other, credentials })).body).toMatchObject({ credentialNames });
});

test.each([
  ['an unknown currency', { currency: 'EUX' }, '/currency'],
  ['an unknown time zone', { timeZone: 'Mars/Olympus' }, '/timeZone'],
  ['an offset for a time zone', { timeZone: '+01:00' }, '/timeZone'],
  ['an unknown platform', { platform: 'constructor' }, '/platform'],
  ['six secrets', { secrets: Array.from({ length: 6 }, (_, i) => `${shopifySecret}${i}`) }, '/secrets'],
  ['a short secret', { secrets: ['short'] }, '/secrets/0'],
  ['a secret with a control character', { secrets: ['0123456789abcdef\u0000'] }, '/secrets/0'],
  ['a year of 50000', { backfillBefore: '+050000-01-01T00:00:00Z' }, '/backfillBefore'],
  ['a time without offset', { backfillBefore: '2026-01-01T00:00:00' }, '/backfillBefore'],
  ['an unknown field', { colour: 'red' }, '/colour'],
  ['null', { backfillBefore: null }, '/backfillBefore'],
])('%s is refused with its pointer', async (_, change, pointer) => {
  const { status, body, headers } = await put('shop', { ...shop, ...change });
  expect(status).toBe(400);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(body.code).toBe('invalid_request');
  expect(body.errors).toEqual([expect.objectContaining({ pointer })]);
});

test.each(['email', 'phone', 'partner-acme', 'Shop', 'a#b', 'a\u0000', '-a', 'a'.repeat(64)])(
  'the id %j is refused',
  async (id) => {
    const { status, body } = await put(id, shop);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
  },
);

test('a source that is not there is 404', async () => {
  const { status, body } = await get('nowhere');
  expect([status, body.code]).toEqual([404, 'source_not_found']);
});

test('crossing writes leave one whole source', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => put('crossed', { ...shop, secrets: [`${shopifySecret}${i}`] })),
  );
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
  for (const { status } of answers) expect([200, 201, 409]).toContain(status);
  expect((await get('crossed')).body.secretCount).toBe(1);
});
