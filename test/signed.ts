import { createHmac } from 'node:crypto';

/** Signed deliveries, as the platforms send them. */
export const shopifySecret = 'shpss_0123456789abcdef';
export const standardSecret = `whsec_${Buffer.from('a secret of thirty-two characters').toString('base64')}`;

export interface Signed {
  headers: Record<string, string>;
  body: Buffer;
}

export function signShopify(topic: string, content: unknown, options: { id?: string; secret?: string } = {}): Signed {
  const body = bytesOf(content);
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-shopify-topic': topic,
      'x-shopify-hmac-sha256': createHmac('sha256', options.secret ?? shopifySecret)
        .update(body)
        .digest('base64'),
      ...(options.id && { 'x-shopify-webhook-id': options.id }),
    },
  };
}

export function signStandard(content: unknown, options: { id: string; at: number; secret?: string }): Signed {
  const body = bytesOf(content);
  const seconds = Math.floor(options.at / 1000);
  const key = Buffer.from((options.secret ?? standardSecret).replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key).update(`${options.id}.${seconds}.`).update(body).digest('base64');
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'webhook-id': options.id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,${signature}`,
    },
  };
}

function bytesOf(content: unknown): Buffer {
  if (Buffer.isBuffer(content)) return content;
  return Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
}
