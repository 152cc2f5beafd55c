import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Small imitations of what three platforms list by their APIs, on loopback. */

export interface Asked {
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | string[] | undefined>;
}

export interface ListedOrder {
  id: number;
  /** RFC 3339 in UTC, whole seconds. */
  changedAt: string;
  /** Beside its id and the time of its change, in the words of the platform. */
  fields: object;
}

interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface ShopLists {
  address: string;
  orders: ListedOrder[];
  /** Events of Stripe, newest first. */
  events: { id: string; created: number }[];
  asked: Asked[];
  /** How many requests were under way at once, at most. */
  atOnce: number;
  /** What goes wrong with the next requests: a status, a lost connection, or something else than JSON. */
  faults: (number | 'lost' | 'nonsense')[];
  /** Called before each page is made up. */
  before: (asked: Asked) => void | Promise<void>;
  /** What a shop answers that keeps to no rule; nothing where it keeps to them. */
  instead: ((asked: Asked) => Answer | undefined) | undefined;
  stop(): void;
}

export async function startShopLists(): Promise<ShopLists> {
  let underWay = 0;
  const server = createServer((incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://shop');
    const asked = { path: pathname, query: searchParams, headers: incoming.headers };
    lists.asked.push(asked);
    underWay++;
    lists.atOnce = Math.max(lists.atOnce, underWay);
    setTimeout(async () => {
      underWay--;
      const fault = lists.faults.shift();
      if (fault === 'lost') return void incoming.socket.destroy();
      if (fault === 'nonsense') return void outgoing.end('<html>');
      await lists.before(asked);
      const {
        status = 200,
        headers = {},
        body,
      } = fault === undefined ? (lists.instead?.(asked) ?? answerOf(lists, asked)) : refusal(fault);
      outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
      outgoing.end(JSON.stringify(body));
    }, 2);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const lists: ShopLists = {
    address,
    orders: [],
    events: [],
    asked: [],
    atOnce: 0,
    faults: [],
    before: () => undefined,
    instead: undefined,
    stop: () => server.close(),
  };
  return lists;
}

function refusal(status: number): Answer {
  return { status, headers: status === 429 ? { 'retry-after': '0.001' } : {}, body: { errors: 'no' } };
}

function answerOf(lists: ShopLists, asked: Asked): Answer {
  if (asked.path.endsWith('/orders.json')) return shopifyPage(lists, asked);
  if (asked.path === '/wp-json/wc/v3/orders') return wooPage(lists, asked);
  if (asked.path === '/v1/events') return stripePage(lists, asked);
  return { status: 404, body: {} };
}

function byChange(orders: readonly ListedOrder[]): ListedOrder[] {
  return [...orders].sort((a, b) => (a.changedAt === b.changedAt ? a.id - b.id : a.changedAt < b.changedAt ? -1 : 1));
}

/** A cursor keeps the filters of the first page. */
function shopifyPage({ orders, address }: ShopLists, { query, headers, path }: Asked): Answer {
  if (headers['x-shopify-access-token'] !== 'shpat_1') return { status: 401, body: {} };
  const cursor = query.get('page_info');
  if (cursor && [...query.keys()].some((name) => !['page_info', 'limit'].includes(name)))
    return { status: 400, body: {} };
  const [since = '', start = '0'] = cursor ? atob(cursor).split('|') : [query.get('updated_at_min') ?? ''];
  const all = byChange(orders).filter(({ changedAt }) => Date.parse(changedAt) >= Date.parse(since));
  const end = Number(start) + Number(query.get('limit'));
  const info = encodeURIComponent(btoa(`${since}|${end}`));
  const link = `<${address}${path}?limit=50&page_info=xyz>; rel="previous", <${address}${path}?limit=50&page_info=${info}>; rel="next"`;
  const page = all.slice(Number(start), end);
  return {
    headers: { 'x-shopify-shop-api-call-limit': '1/40', ...(all.length > end && { link }) },
    body: { orders: page.map(({ id, changedAt, fields }) => ({ id, updated_at: changedAt, ...fields })) },
  };
}

function wooPage({ orders }: ShopLists, { query, headers }: Asked): Answer {
  if (headers.authorization !== `Basic ${btoa('ck_1:cs_1')}`) return { status: 401, body: {} };
  const after = Date.parse(`${query.get('modified_after')}Z`);
  const size = Number(query.get('per_page'));
  const start = (Number(query.get('page')) - 1) * size;
  const excluded = (query.get('exclude') ?? '').split(',');
  const page = byChange(orders)
    .filter(({ id, changedAt }) => Date.parse(changedAt) > after && !excluded.includes(String(id)))
    .slice(start, start + size);
  const body = page.map(({ id, changedAt, fields }) => ({
    id,
    date_modified_gmt: changedAt.replace(/(\.\d+)?Z$/, ''),
    ...fields,
  }));
  return { body };
}

function stripePage({ events }: ShopLists, { query, headers }: Asked): Answer {
  if (headers.authorization !== 'Bearer rk_live_1') return { status: 401, body: {} };
  if (query.getAll('types[]').length > 20) return { status: 400, body: {} };
  const since = Number(query.get('created[gte]'));
  const all = events.filter(({ created }) => created >= since);
  const after = query.get('starting_after');
  const start = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const end = start + Number(query.get('limit'));
  return { body: { object: 'list', data: all.slice(start, end), has_more: all.length > end } };
}
