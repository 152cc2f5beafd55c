import { createHmac } from 'node:crypto';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import type { Signed } from '../signed.ts';
import { aSource } from './shop.ts';

/** Events as Stripe signs them, and what a source of it reads in them. */
export const stripeSecret = 'whsec_test_secret';
export const now = '2026-03-01T09:00:00.000Z';
export const source = aSource({ id: 'stripe', platform: 'stripe', secrets: [stripeSecret] });

export function signStripe(content: unknown, key = stripeSecret, at = Math.floor(Date.now() / 1000)): Signed {
  const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  const signature = createHmac('sha256', key).update(`${at}.`).update(body).digest('hex');
  return { body, headers: { 'stripe-signature': `t=${at},v1=${signature}` } };
}

export const verdict = (delivery: Signed, secrets = [stripeSecret], at = now) =>
  storefronts.stripe.verify(
    delivery,
    { secrets },
    { now: at, fetchKey: () => Promise.reject(new Error('no key is fetched')) },
  );

/** @param content the event, not signed */
export const translated = (content: unknown) => storefronts.stripe.translate(content, { headers: {} }, source);
