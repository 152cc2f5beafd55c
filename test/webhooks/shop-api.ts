import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** What goes wrong with one call of a shop's API; `slow` answers after so many milliseconds. */
export interface ShopFault {
  status?: number;
  headers?: Record<string, string>;
  slow?: number;
}

export interface ShopCall {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A small imitation of a shop's API: answers by path and query, or 404. */
export interface ShopApi {
  address: string;
  calls: ShopCall[];
  /** What it knows; a function works its answer out when it is asked. */
  knows: Map<string, unknown | ((call: ShopCall) => unknown)>;
  plan: (call: ShopCall) => ShopFault | undefined;
  stop(): Promise<void>;
}

/** @param base path below which the API lies */
export async function startShopApi(base = ''): Promise<ShopApi> {
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', async () => {
      const path = decodeURIComponent(String(incoming.url)).replace(base, '');
      const { method = '', headers } = incoming;
      const call: ShopCall = { method, path, headers, body: Buffer.concat(chunks).toString() };
      api.calls.push(call);
      const fault = api.plan(call);
      // The answer is what the shop knew when it was asked, however long it takes.
      const known = api.knows.get(path);
      const found = JSON.stringify(typeof known === 'function' ? known(call) : known);
      if (fault?.slow) await wait(fault.slow);
      const status = fault?.status ?? (found === undefined ? 404 : 200);
      answer.writeHead(status, { 'content-type': 'application/json', ...fault?.headers });
      answer.end(fault?.status ? '{}' : (found ?? '{}'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api: ShopApi = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    calls: [],
    knows: new Map(),
    plan: () => undefined,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return api;
}
