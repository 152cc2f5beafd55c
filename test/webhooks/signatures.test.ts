import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import { absent, hasSharedMaterial, readShared } from '../shared-material.ts';
import { signShopify, signStandard } from '../signed.ts';

const { standard, shopify } = storefronts;
const now = '2026-03-01T09:00:00.000Z';
const check = (at: string) => ({ now: at, fetchKey: () => Promise.reject(new Error('no key is fetched')) });

test('what the authors of Standard Webhooks sign is authentic, and theirs takes what we sign in tests', () => {
  const bodies = fc.tuple(
    fc.uint8Array({ minLength: 24, maxLength: 64 }),
    fc.string({ unit: 'grapheme' }),
    fc.stringMatching(/^[a-z0-9_]{1,40}$/),
  );
  fc.assert(
    fc.property(bodies, ([key, text, id]) => {
      const secret = `whsec_${Buffer.from(key).toString('base64')}`;
      const content = JSON.stringify({ text });
      const signature = new Webhook(secret).sign(id, new Date(now), content);
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Date.parse(now) / 1000),
        'webhook-signature': signature,
      };
      expect(standard.verify({ headers, body: Buffer.from(content) }, { secrets: [secret] }, check(now))).toEqual({
        authentic: true,
      });
      expect(signStandard(content, { id, at: Date.parse(now), secret }).headers['webhook-signature']).toBe(signature);
    }),
  );
});

test('one changed bit of body, id, time, signature or secret is refused; an old secret passes while it is active', () => {
  const signed = signStandard({ type: 'x' }, { id: 'msg_1', at: Date.parse(now) });
  const secrets = [`whsec_${Buffer.from('a secret of thirty-two characters').toString('base64')}`];
  const other = `whsec_${Buffer.from('quite another key, as it happens!').toString('base64')}`;
  expect(standard.verify(signed, { secrets: [other, ...secrets] }, check(now))).toEqual({ authentic: true });
  expect(standard.verify(signed, { secrets: [other] }, check(now))).toHaveProperty('refused');
  fc.assert(
    fc.property(fc.nat(signed.body.length * 8 - 1), (bit) => {
      const body = Buffer.from(signed.body);
      body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(standard.verify({ ...signed, body }, { secrets }, check(now))).toHaveProperty('refused');
      expect(
        shopify.verify(
          { ...signShopify('orders/create', signed.body), body },
          { secrets: ['shpss_0123456789abcdef'] },
          check(now),
        ),
      ).toHaveProperty('refused');
    }),
  );
  for (const [name, value] of Object.entries({
    'webhook-id': 'msg_2',
    'webhook-timestamp': '1',
    'webhook-signature': 'v1,',
  }))
    expect(
      standard.verify({ ...signed, headers: { ...signed.headers, [name]: value } }, { secrets }, check(now)),
    ).toHaveProperty('refused');
});

describe.skipIf(!hasSharedMaterial)(`published vectors${absent}`, () => {
  test('Standard Webhooks', () => {
    const vectors: { scheme: string; secret: string; headers: Record<string, string>; body: string }[] = JSON.parse(
      readShared('fixtures/webhooks/_vectors.json').toString(),
    );
    const [vector] = vectors.filter(({ scheme }) => scheme === 'standard-webhooks v1');
    if (!vector) throw new Error('the vector is gone');
    const at = new Date(Number(vector.headers['webhook-timestamp']) * 1000).toISOString();
    expect(
      standard.verify(
        { headers: vector.headers, body: Buffer.from(vector.body) },
        { secrets: [vector.secret] },
        check(at),
      ),
    ).toEqual({
      authentic: true,
    });
  });

  test('Shopify, over the exact bytes of the real bodies', () => {
    const signed: { file: string; platform: string; secret: string; headers: Record<string, string> }[] = JSON.parse(
      readShared('fixtures/webhooks/_signed.json').toString(),
    );
    const ours = signed.filter(({ platform }) => platform === 'shopify');
    expect(ours.length).toBeGreaterThan(5);
    for (const { file, secret, headers } of ours)
      expect(
        shopify.verify({ headers, body: readShared(`fixtures/webhooks/${file}`) }, { secrets: [secret] }, check(now)),
      ).toEqual({
        authentic: true,
      });
  });
});
