import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutCommand } from '@aws-sdk/lib-dynamodb';
import type { Source } from '../../shared/domain/source.ts';
import type { CustomerItem } from '../../shared/dynamodb/customer-item.ts';
import { sourceKey } from '../../shared/dynamodb/keys.ts';
import { storefronts } from '../../shared/storefronts/storefronts.ts';
import type { Door } from './door.ts';

/** What tests of single platforms share: their sources, and a shop's API. */

export function aSource(given: Pick<Source, 'id' | 'platform' | 'secrets'> & Partial<Source>): Source {
  const at = '2026-01-01T00:00:00.000Z';
  return {
    currency: 'EUR',
    baseCurrency: 'EUR',
    baseTimeZone: 'Europe/Berlin',
    timeZone: 'Europe/Berlin',
    countsWhen: storefronts[given.platform].countsWhen,
    revision: 1,
    createdAt: at,
    updatedAt: at,
    ...given,
  };
}

export async function addSource(door: Door, given: Parameters<typeof aSource>[0]): Promise<void> {
  const source = aSource(given);
  await door.client.send(
    new PutCommand({ TableName: door.embedded.tables.registry, Item: { ...sourceKey(source.id), ...source } }),
  );
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A shop's API on loopback: answers by path, late now and then, and with the statuses that are planned. */
export async function startShopApi() {
  const state = {
    resources: new Map<string, unknown>(),
    statuses: [] as number[],
    asked: [] as { path: string; headers: Record<string, unknown> }[],
  };
  const server = createServer(({ url = '', headers }, answer) => {
    state.asked.push({ path: url, headers });
    const found = state.resources.get(url);
    const status = state.statuses.shift() ?? (found === undefined ? 404 : 200);
    setTimeout(() => {
      answer.writeHead(status, { 'content-type': 'application/json' });
      answer.end(JSON.stringify(status === 200 ? found : { errors: [{ code: String(status) }] }));
    }, state.asked.length % 3);
  });
  const address = await listen(server);
  return { ...state, address, stop: () => server.close() };
}

export interface Bought {
  purchaseCount: number;
  totalSpent: number;
  totalRefunded: number;
}

/** The sum over sales, as one works it out by hand: what was cancelled or paid back altogether was not bought. */
export function sumOf(sales: { counts: boolean; cents: number; refunded: number }[]): Bought {
  const kept = sales.filter(({ counts, cents, refunded }) => counts && !(refunded > 0 && refunded >= cents));
  return {
    purchaseCount: kept.length,
    totalSpent: kept.reduce((sum, { cents, refunded }) => sum + cents - refunded, 0),
    totalRefunded: sales.reduce((sum, { refunded }) => sum + refunded, 0),
  };
}

export async function customersBy(door: Door, email: string): Promise<CustomerItem[]> {
  return (await door.customers()).filter(({ profile }) => profile.email?.value === email);
}
