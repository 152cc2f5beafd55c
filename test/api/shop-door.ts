import { expect, vi } from 'vitest';
import { shopifySecret } from '../signed.ts';
import { type ApiDoor, openApi } from './door.ts';
import { type NightMachine, nightMachine } from './night-machine.ts';

/** The API of a deployment with one source, `shop`, and its nights. */
export interface ShopDoor extends ApiDoor {
  machine: NightMachine;
  /** A value run, which is to end like this; answers with its id. */
  night(asOf: string, status?: 'SUCCEEDED' | 'FAILED'): Promise<string>;
  /** Records an order of the person with this name, in EUR; answers with the customer's id. */
  buys(name: string, day: string, amount: string): Promise<string>;
}

export async function openShop(): Promise<ShopDoor> {
  const machine = nightMachine();
  const api = await openApi();
  const body = { platform: 'shopify', secrets: [shopifySecret], currency: 'EUR', timeZone: 'Europe/Berlin' };
  await api.call('PUT /v1/sources/{sourceId}', { params: { sourceId: 'shop' }, body });
  return {
    ...api,
    machine,

    async night(asOf, status = 'SUCCEEDED') {
      const { id } = (await api.call('POST /v1/value-runs', { body: { asOf } })).body;
      const ended = () => expect(machine.executions.get(String(id))?.status).toBe(status);
      await vi.waitFor(ended, { timeout: 8_000 });
      return String(id);
    },

    async buys(name, day, amount) {
      const body = {
        type: 'order',
        externalId: `${name}-${day}`,
        occurredAt: `${day}T10:30:00Z`,
        customer: { email: `${name}@example.com` },
        total: { amount, currency: 'EUR' },
      };
      return String((await api.call('POST /v1/interactions', { body })).body.customerId);
    },

    async stop() {
      machine.restore();
      await api.stop();
    },
  };
}
