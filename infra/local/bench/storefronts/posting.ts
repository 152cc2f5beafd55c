import { Chance } from '../../demo/simulation.ts';
import { days, type HistoryOptions, type Sale, sales } from './history.ts';
import type { Message } from './signing.ts';
import { messagesOf } from './telling.ts';

export interface PostingOptions extends HistoryOptions {
  /** How many deliveries there are in all. */
  count: number;
}

/** What a message must come to; `taken` is recorded, or a duplicate where the engine knew it all. */
export type Expected = 'taken' | 'ignored' | 'quarantined';

export interface Posting {
  sales: Sale[];
  /** In the order in which they are posted; what is posted twice is the same object. */
  messages: Message[];
  expected: Record<Expected, number>;
  /** How many are exact repetitions, and how many come before what they follow from. */
  repeated: number;
  disordered: number;
}

const repeatedShare = 0.1;
const disorderedShare = 0.05;
/** Of topics that nobody uses, and of orders without a total. */
const ignoredShare = 0.01;
const brokenShare = 0.002;

/** A history as the shops post it: by time, but for one in twenty that comes too early and one in ten that comes twice. */
export function postingOf(options: PostingOptions): Posting {
  const chance = new Chance(options.seed + 1);
  const once = Math.round(options.count / (1 + repeatedShare));
  const told: Sale[] = [];
  const messages: { message: Message; at: number; first: number }[] = [];
  const odd = Math.round(once * (ignoredShare + brokenShare));
  for (const sale of sales(options)) {
    const own = messagesOf(sale);
    if (messages.length + own.length + odd > once) break;
    told.push(sale);
    for (const { at, ...message } of own) messages.push({ message, at, first: sale.placedAt });
  }
  const expected = { taken: 0, ignored: 0, quarantined: 0 };
  const results = new Map<Message, Expected>();
  for (let number = 0; messages.length < once; number++) {
    const at = options.start + chance.below(days * 86_400_000);
    const isBroken = number < Math.round(once * brokenShare);
    const message = isBroken ? broken(number, at) : unused(number, at);
    results.set(message, isBroken ? 'quarantined' : 'ignored');
    messages.push({ message, at, first: at });
  }
  let disordered = 0;
  for (const message of chance.shuffled(messages)) {
    if (disordered >= once * disorderedShare) break;
    if (message.at === message.first) continue;
    // Just before the first of its sale, so that both are under way at once, or long before.
    message.at = message.first - (chance.happens(0.5) ? 1 : 1 + chance.below(86_400_000));
    disordered += 1;
  }
  const twice = chance.shuffled(messages).slice(0, options.count - once);
  const again = twice.map((one) => ({ ...one, at: one.at + (chance.happens(0.5) ? 0 : chance.below(86_400_000)) }));
  const inOrder = [...messages, ...again].sort((a, b) => a.at - b.at).map(({ message }) => message);
  for (const message of inOrder) expected[results.get(message) ?? 'taken'] += 1;
  return { sales: told, messages: inOrder, expected, repeated: again.length, disordered };
}

function unused(number: number, at: number): Message {
  const body = JSON.stringify({ id: number, title: 'An article', updated_at: new Date(at).toISOString() });
  return { shop: 'shopify', id: `unused-${number}`, topic: 'products/update', body };
}

function broken(number: number, at: number): Message {
  const timestamp = new Date(at).toISOString();
  const body = JSON.stringify({
    type: 'order.created',
    timestamp,
    data: { id: `broken-${number}`, placedAt: timestamp },
  });
  return { shop: 'till', id: `broken-${number}`, body };
}
