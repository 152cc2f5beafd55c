import { expect } from 'vitest';
import type { Body } from '../api/door.ts';
import { httpEvent, lambdaContext } from '../http-event.ts';
import { shopifySecret, signStandard, standardSecret } from '../signed.ts';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

export const day = (number: number) => new Date(Date.UTC(2026, 0, number, 12)).toISOString();
export const today = day(100);

/** What Shopify sends, as its documentation shows it (shopify.dev, "Privacy law compliance"). */
export const john = { id: 191_167, email: 'john@example.com', phone: '555-625-1199' };
export const dataRequest = {
  shop_id: 954_889,
  shop_domain: 'example-shop.myshopify.com',
  orders_requested: [299_938, 280_263, 220_458],
  customer: john,
  data_request: { id: 9999 },
};
export const redact = { ...dataRequest, orders_to_redact: [299_938, 280_263, 220_458] };
export const shopRedact = { shop_id: 954_889, shop_domain: 'example-shop.myshopify.com' };

/** An order of day 10; without a customer, it is a guest's. */
export const anOrder = (id: number, customer: Record<string, unknown> | null, more: object = {}) => ({
  id,
  created_at: day(10),
  updated_at: day(10),
  currency: 'EUR',
  total_price: '10.00',
  ...(customer && { email: customer.email, customer: { first_name: 'Johnny', ...customer } }),
  ...more,
});

/** Two shops of Shopify, `shop` and `other`, and `till` of the platform standard; the clock stands at {@link today}. */
export interface TopicsShop extends PrivacyShop {
  /** Puts a source of Shopify; answers with it. */
  putSource(sourceId: string, more?: object): Promise<Body>;
  /** Sends an event from the till. */
  tell(type: string, data: object, id: string): Promise<{ deliveryId: string; status: string }>;
  /** The request that a delivery made, of which nothing is shown. */
  requestOf(deliveryId: string): Promise<Body>;
  /** All pages of an export. */
  exported(requestId: string): Promise<{ section: string; content: Record<string, unknown> }[]>;
}

export async function openTopics(): Promise<TopicsShop> {
  const shop = await openPrivacyShop({ shop: 'shopify', other: 'shopify' });
  const { api } = shop;
  const settings = { currency: 'EUR', timeZone: 'Europe/Berlin' };
  const till = { ...settings, platform: 'standard', secrets: [standardSecret] };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'till' }, body: till });
  await shop.setClock(today);
  return {
    ...shop,

    async putSource(sourceId, more) {
      const body = { ...settings, platform: 'shopify', secrets: [shopifySecret], ...more };
      return (await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId }, body })).body;
    },

    async tell(type, data, id) {
      const { handler } = await import('../../functions/webhooks/receive.ts');
      const at = Date.parse(today);
      const signed = signStandard({ type, timestamp: today, data }, { id, at });
      const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId: 'till' }, ...signed });
      const { statusCode, body = '' } = await handler(event, lambdaContext());
      expect(statusCode).toBe(202);
      return JSON.parse(body);
    },

    async requestOf(deliveryId) {
      await shop.keep();
      const { body } = await api.call('GET /v1/deliveries/{deliveryId}', {
        params: { deliveryId },
        query: { body: 'true' },
      });
      expect(body).toMatchObject({ status: 'recorded', withheld: true, body: null });
      return shop.request(body.privacyRequestId as string);
    },

    async exported(requestId) {
      const data: { section: string; content: Record<string, unknown> }[] = [];
      let cursor: string | undefined;
      do {
        const answer = await api.call('GET /v1/privacy-requests/{requestId}/export', {
          params: { requestId },
          ...(cursor && { query: { cursor } }),
        });
        expect(answer.status).toBe(200);
        data.push(...(answer.body.data as unknown as typeof data));
        cursor = (answer.body.nextCursor as string | null) ?? undefined;
      } while (cursor);
      return data;
    },
  };
}
