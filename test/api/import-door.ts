import { httpEvent, lambdaContext } from '../http-event.ts';
import { type Signed, shopifySecret } from '../signed.ts';
import { type Answer, type ApiDoor, type Call, openApi } from './door.ts';

export const csv = { 'content-type': 'text/csv; charset=utf-8' };
export const ndjson = { 'content-type': 'application/x-ndjson' };

export interface Imported {
  id: string;
  facts: { purchaseCount: number; totalSpent: { amount: string }; totalRefunded: { amount: string } };
  consents: { channel: string; state: string; occurredAt: string }[];
  firstName: string;
  phone: string;
}

/** The API of a deployment with two sources, `shop` of Shopify and `woo` of WooCommerce, and with their webhooks. */
export interface ImportDoor extends ApiDoor {
  /** Begins an import of parts. */
  open(sourceId: string, format: string, more?: Call): Promise<Answer>;
  put(importId: string, part: number, body: string, more?: Call & { line?: string }): Promise<Answer>;
  finish(importId: string, parts: number): Promise<Answer>;
  /** Imports a file in one call. */
  whole(sourceId: string, format: string, body: string, more?: Call): Promise<Answer>;
  show(importId: string, more?: Call): Promise<Answer>;
  errorsOf(importId: string): Promise<{ line: number; code: string; detail: string }[]>;
  /** Sends a webhook; answers with its status. */
  deliver(sourceId: string, signed: Signed): Promise<number>;
  /** Undefined where nobody has the address, whatever the type says. */
  customerBy(email: string): Promise<Imported>;
  ledgerOf(customerId: string): Promise<Record<string, unknown>[]>;
}

export async function openImports(): Promise<ImportDoor> {
  const api = await openApi({ RETRY_QUEUE_URL: 'http://127.0.0.1:1/retry' });
  const settings = { secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', {
    params: { sourceId: 'shop' },
    body: { ...settings, platform: 'shopify', country: 'DE' },
  });
  await api.call('PUT /v1/sources/{sourceId}', {
    params: { sourceId: 'woo' },
    body: { ...settings, platform: 'woocommerce' },
  });
  return {
    ...api,
    open: (sourceId, format, more = {}) =>
      api.call('POST /v1/imports', { body: { sourceId, format, name: 'orders.csv' }, ...more }),
    put: (importId, part, body, { line, ...more } = {}) =>
      api.call('PUT /v1/imports/{importId}/parts/{part}', {
        params: { importId, part: String(part) },
        ...(line && { query: { line } }),
        body,
        headers: csv,
        ...more,
      }),
    finish: (importId, parts) =>
      api.call('POST /v1/imports/{importId}/finish', { params: { importId }, body: { parts } }),
    whole: (sourceId, format, body, more = {}) =>
      api.call('POST /v1/imports', {
        query: { sourceId, format },
        body,
        headers: format.endsWith('csv') ? csv : ndjson,
        ...more,
      }),
    show: (importId, more = {}) => api.call('GET /v1/imports/{importId}', { params: { importId }, ...more }),
    async errorsOf(importId) {
      const { body } = await api.call('GET /v1/imports/{importId}/errors', { params: { importId } });
      return String(body)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line));
    },
    async deliver(sourceId, signed) {
      const { handler } = await import('../../functions/webhooks/receive.ts');
      const event = httpEvent({ routeKey: 'POST /v1/webhooks/{sourceId}', params: { sourceId }, ...signed });
      return Number((await handler(event, lambdaContext())).statusCode);
    },
    async customerBy(email) {
      const { body } = await api.call('GET /v1/customers', { query: { email } });
      return body.data[0] as never as Imported;
    },
    async ledgerOf(customerId) {
      const { body } = await api.call('GET /v1/customers/{customerId}/interactions', { params: { customerId } });
      return body.data as never as Record<string, unknown>[];
    },
  };
}
