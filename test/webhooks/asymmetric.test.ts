import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Signed, signStandard, standardSecret } from '../signed.ts';
import { openPlatform, type PlatformDoor } from './platform-door.ts';

/** A pair of ed25519 keys, with the public half as Standard Webhooks writes it. */
function aPair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return { privateKey, text: `whpk_${Buffer.from(x, 'base64url').toString('base64')}` };
}

const [ours, other] = [aPair(), aPair()] as const;

/** As the specification says: `v1a`, over the same words as `v1`. */
function signAsymmetric(content: unknown, { by = ours, id = 'msg_1', at = Date.now() } = {}): Signed {
  const { headers, body } = signStandard(content, { id, at });
  const text = Buffer.concat([Buffer.from(`${id}.${headers['webhook-timestamp']}.`), body]);
  return {
    body,
    headers: { ...headers, 'webhook-signature': `v1a,${sign(null, text, by.privateKey).toString('base64')}` },
  };
}

const withSignature = (signed: Signed, ...signatures: (string | undefined)[]): Signed => ({
  ...signed,
  headers: { ...signed.headers, 'webhook-signature': signatures.join(' ') },
});

let door: PlatformDoor;
beforeAll(async () => {
  door = await openPlatform('standard', { secrets: [ours.text] });
});
afterAll(() => door.stop());

const unused = { type: 'product.created', timestamp: '2026-01-01T00:00:00Z', data: {} };
const status = async (signed: Signed) => (await door.send(signed)).status;

test('a signature by the private half is taken; one changed bit, id, time, key or scheme is refused', async () => {
  const signed = signAsymmetric(unused);
  expect(await door.send(signed)).toMatchObject({ status: 202, body: { status: 'ignored' } });
  expect(await status(signAsymmetric(unused, { by: other }))).toBe(401);
  expect(await status(signAsymmetric(unused, { at: Date.now() - 400_000 }))).toBe(401);
  expect(await status({ ...signed, headers: { ...signed.headers, 'webhook-id': 'msg_2' } })).toBe(401);
  const [, signature = ''] = (signed.headers['webhook-signature'] ?? '').split(',');
  for (const bad of [
    `v1,${signature}`,
    `v1a,${signature}=`,
    `v1a,${signature.slice(0, -2)}`,
    'v1a,',
    `v2,${signature}`,
  ])
    expect(await status(withSignature(signed, bad))).toBe(401);
  for (let bit = 0; bit < signed.body.length * 8; bit += 7) {
    const body = Buffer.from(signed.body);
    body[bit >> 3] = (body[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await status({ ...signed, body })).toBe(401);
  }
});

test('both schemes may stand in one list, and the keys of both in one source', async () => {
  const at = Date.now();
  const symmetric = signStandard(unused, { id: 'msg_1', at });
  const asymmetric = signAsymmetric(unused, { at });
  const [v1, v1a] = [symmetric, asymmetric].map(({ headers }) => headers['webhook-signature']);
  const foreign = signAsymmetric(unused, { at, by: other }).headers['webhook-signature'];
  expect(await status(withSignature(symmetric, v1, foreign, v1a))).toBe(202);
  expect(await status(symmetric)).toBe(401);
  await door.configure({ secrets: [other.text, standardSecret] });
  expect(await status(symmetric)).toBe(202);
  expect(await status(asymmetric)).toBe(401);
  expect(await status(withSignature(symmetric, foreign))).toBe(202);
  await door.configure({ secrets: [other.text, ours.text] });
  expect(await status(asymmetric)).toBe(202);
});

test('the text of a public key is no secret of the symmetric scheme', async () => {
  await door.configure({ secrets: [ours.text] });
  const secret = ours.text.replace('whpk_', 'whsec_');
  expect(await status(signStandard(unused, { id: 'msg_1', at: Date.now(), secret }))).toBe(401);
  const prefixed = Buffer.from(ours.text, 'base64').toString('base64');
  expect(await status(signStandard(unused, { id: 'msg_1', at: Date.now(), secret: prefixed }))).toBe(401);
});
