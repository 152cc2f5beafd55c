import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openPrivacyShop, type PrivacyShop } from './engine.ts';

let shop: PrivacyShop;
beforeAll(async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  shop = await openPrivacyShop({ shop: 'shopify' });
});
afterAll(() => shop.stop());

test.each(['lost-answer', 'forgotten-answer'] as const)(
  'an erasure comes to its end whichever of its transactions has a %s',
  async (loss) => {
    let transactions = Number.POSITIVE_INFINITY;
    for (let nth = 0; nth < transactions; nth++) {
      const address = `${loss}-${nth}@example.com`;
      const order = {
        type: 'order',
        externalId: `${loss}-${nth}`,
        occurredAt: '2026-03-01T10:00:00Z',
        customer: { externalId: `${loss}-${nth}`, email: address },
        total: { amount: '50.00', currency: 'EUR' },
      };
      const { body } = await shop.api.call('POST /v1/interactions', { body: order });
      const requestId = await shop.erase(String(body.customerId));
      let count = 0;
      shop.api.proxy.plan = (operation) => (operation === 'TransactWriteItems' && count++ === nth ? loss : 'none');
      await shop.workAll();
      shop.api.proxy.plan = () => 'none';
      expect(await shop.request(requestId), `the answer to transaction ${nth} was lost`).toMatchObject({
        status: 'done',
      });
      expect(await shop.traces([address])).toEqual([]);
      transactions = count;
    }
    expect(transactions).toBeGreaterThan(8);
  },
);
