import { randomBytes } from 'node:crypto';

/**
 * Shell commands that make a source and post a signed checkout to it, as Standard Webhooks signs: `id.timestamp.body`.
 * @param now RFC 3339; when the order was placed
 */
export function firstSteps(url: string, key: string, now: string): string {
  const secret = randomBytes(24);
  const source = {
    platform: 'standard',
    secrets: [`whsec_${secret.toString('base64')}`],
    currency: 'EUR',
    timeZone: 'Europe/Berlin',
  };
  const checkout = {
    type: 'order.created',
    timestamp: now,
    data: {
      id: '1001',
      placedAt: now,
      updatedAt: now,
      total: { amount: '49.90', currency: 'EUR' },
      customer: { id: 'c1', email: 'ada@example.com', firstName: 'Ada' },
      consents: [{ channel: 'email', purpose: 'marketing', state: 'granted' }],
    },
  };
  return `# 1. tell Rapport of a shop
curl -sS -X PUT ${url}/v1/sources/my-shop \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(source)}'

# 2. post a checkout as the shop would, signed
BODY='${JSON.stringify(checkout)}'
ID=msg_$(openssl rand -hex 8) TIME=$(date +%s)
SIGNATURE=$(printf '%s.%s.%s' "$ID" "$TIME" "$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:${secret.toString('hex')} -binary | openssl base64 -A)
curl -sS ${url}/v1/webhooks/my-shop -H 'Content-Type: application/json' \\
  -H "webhook-id: $ID" -H "webhook-timestamp: $TIME" -H "webhook-signature: v1,$SIGNATURE" --data-binary "$BODY"
`;
}
