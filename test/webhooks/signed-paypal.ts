import { sign } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { intermediate, paypalCertificate, paypalKey } from '../fixtures/certificates.ts';
import type { Signed } from '../signed.ts';

/** Messages as PayPal signs them, by a certificate of the tests' own making. */
export const webhookId = '9XL90610J3647323C';
const certUrl = 'https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594';
/** What PayPal publishes. */
export const chain = paypalCertificate + intermediate;

export function signPaypal(
  content: unknown,
  { id = 'd938e770-8046-11e6', time = new Date().toISOString(), webhook = webhookId } = {},
): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const text = Buffer.from(`${id}|${time}|${webhook}|${crc32(body)}`);
  const headers = {
    'paypal-transmission-id': id,
    'paypal-transmission-time': time,
    'paypal-transmission-sig': sign('sha256', text, paypalKey).toString('base64'),
    'paypal-cert-url': certUrl,
    'paypal-auth-algo': 'SHA256withRSA',
  };
  return { headers, body };
}
