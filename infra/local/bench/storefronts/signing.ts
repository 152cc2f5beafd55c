import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { currencyOf, type Shop, shops } from './history.ts';

/** What the shops sign with: secrets as text, private keys as PEM. */
export interface Keys extends Record<Shop, string> {
  /** Where Saleor publishes its key. */
  address: string;
}

const notificationUrl = 'https://rapport.example.com/v1/webhooks/square';
const kid = 'bench';

/** Secrets and keys of one run, and a server on loopback that publishes the one that is fetched. */
export async function openKeys(): Promise<{ keys: Keys; stop(): void }> {
  const pem = { type: 'pkcs8', format: 'pem' } as const;
  const saleor = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kiosk = generateKeyPairSync('ed25519');
  const jwk = { ...saleor.publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }));
  });
  const secret = () => randomBytes(24).toString('hex');
  const keys: Keys = {
    shopify: `shpss_${secret()}`,
    woocommerce: secret(),
    stripe: `whsec_${secret()}`,
    square: secret(),
    shopware: secret(),
    saleor: saleor.privateKey.export(pem).toString(),
    till: `whsec_${randomBytes(24).toString('base64')}`,
    kiosk: kiosk.privateKey.export(pem).toString(),
    address: await listen(server),
  };
  return { keys, stop: () => server.close() };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const platformOf = (shop: Shop) => (shop === 'till' || shop === 'kiosk' ? 'standard' : shop);

/** The sources as `PUT /v1/sources/{id}` takes them, by id. */
export function sourcesOf(keys: Keys): [Shop, object][] {
  return shops.map((shop) => [
    shop,
    {
      platform: platformOf(shop),
      currency: currencyOf[shop],
      timeZone: 'Europe/Berlin',
      ...(shop === 'saleor' ? { address: `${keys.address}/graphql/` } : { secrets: [secretOf(shop, keys)] }),
      ...(shop === 'square' && { notificationUrl }),
    },
  ]);
}

function secretOf(shop: Shop, keys: Keys): string {
  if (shop !== 'kiosk') return keys[shop];
  const { x = '' } = createPublicKey(keys.kiosk).export({ format: 'jwk' });
  return `whpk_${Buffer.from(x, 'base64url').toString('base64')}`;
}

/** What a shop says: its body, what stands in the headers beside the signature, and the id where a header has it. */
export interface Message {
  shop: Shop;
  id: string;
  body: string;
  topic?: string;
}

/** Headers with the signature; those that bear a time are made when they are sent, in seconds since 1970. */
export type Headers = (seconds: number) => Record<string, string>;

/** @returns for each message its headers: what does not depend on the time is worked out at once */
export function signer(keys: Keys): (message: Message) => Headers {
  const saleor = createPrivateKey(keys.saleor);
  const kiosk = createPrivateKey(keys.kiosk);
  const till = Buffer.from(keys.till.slice('whsec_'.length), 'base64');
  const mac = (key: string | Buffer, ...parts: string[]) => createHmac('sha256', key).update(parts.join(''));
  return ({ shop, id, body, topic = '' }) => {
    const type = { 'content-type': 'application/json' };
    const fixed = (headers: Record<string, string>) => () => ({ ...type, ...headers });
    switch (shop) {
      case 'shopify': {
        const signature = mac(keys.shopify, body).digest('base64');
        return fixed({ 'x-shopify-topic': topic, 'x-shopify-webhook-id': id, 'x-shopify-hmac-sha256': signature });
      }
      case 'woocommerce': {
        const signature = mac(keys.woocommerce, body).digest('base64');
        const named = { 'x-wc-webhook-topic': topic, 'x-wc-webhook-delivery-id': id };
        return fixed({ ...named, 'x-wc-webhook-signature': signature });
      }
      case 'stripe':
        return (seconds) => {
          const signature = mac(keys.stripe, `${seconds}.`, body).digest('hex');
          return { ...type, 'stripe-signature': `t=${seconds},v1=${signature}` };
        };
      case 'square':
        return fixed({ 'x-square-hmacsha256-signature': mac(keys.square, notificationUrl, body).digest('base64') });
      case 'shopware':
        return fixed({ 'shopware-shop-signature': mac(keys.shopware, body).digest('hex') });
      case 'saleor': {
        const said = { typ: 'JWT', alg: 'RS256', kid, b64: false, crit: ['b64'] };
        const head = Buffer.from(JSON.stringify(said)).toString('base64url');
        const signature = sign('sha256', Buffer.from(`${head}.${body}`), saleor).toString('base64url');
        return fixed({ 'saleor-signature': `${head}..${signature}`, 'saleor-event': topic });
      }
      case 'till':
        return (seconds) => standard(id, seconds, `v1,${mac(till, `${id}.${seconds}.`, body).digest('base64')}`);
      case 'kiosk':
        return (seconds) => {
          const signature = sign(null, Buffer.from(`${id}.${seconds}.${body}`), kiosk).toString('base64');
          return standard(id, seconds, `v1a,${signature}`);
        };
    }
  };
}

function standard(id: string, seconds: number, signature: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signature,
  };
}
