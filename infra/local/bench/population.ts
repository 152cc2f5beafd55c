import { shop, signedOrder } from './shopify-orders.ts';
import type { Stage } from './stage.ts';

/** A value as DynamoDB's JSON has it. */
type Value = { S: string } | { N: string } | { BOOL: boolean } | { M: Item };
type Item = { [name: string]: Value };

/** So many different histories there are; every further customer has one of them. */
const histories = 10_000;
/** Every so many histories goes on with a purchase. With the scores that move with them, 2 % of customers change. */
const oneBuysOf = 200;
const day = 86_400_000;

/**
 * Made-up customers in the table of customers. The first is made by a real checkout, the others have its form, so that
 * this need not know how a customer lies in the table; what value depends on is their own.
 *
 * Customers beyond the first ten thousand are copies of those, all equally many, with the standing that the nights gave
 * them: the cut points of the copies are those of the originals, so no night has to score a million for the first time.
 */
export class Population {
  readonly #stage: Stage;
  /** The original of each history as it lies in the table. */
  #originals: Item[];
  #copies = 1;
  #nights = 0;
  readonly #firstNight: number;

  private constructor(stage: Stage, originals: Item[], firstNight: number) {
    this.#stage = stage;
    this.#originals = originals;
    this.#firstNight = firstNight;
  }

  /** @param now milliseconds since 1970 */
  static async settle(stage: Stage, now: number): Promise<Population> {
    await stage.api.put('/v1/sources/bench-shop', shop.source);
    await stage.api.deliver({ path: shop.path, ...signedOrder(1, 1, now - day) });
    const { Items: [form] = [] } = await stage.call<{ Items?: Item[] }>('Scan', {
      TableName: stage.tables.customers,
      Limit: 1,
    });
    if (!form) throw new Error('the checkout made no customer');
    await stage.call('DeleteItem', {
      TableName: stage.tables.customers,
      Key: { customerId: form.customerId },
    });
    const firstNight = Math.floor(now / day) * day - 30 * day;
    const chance = chances(7);
    const originals = Array.from({ length: histories }, (_, history) => historyOf(form, history, firstNight, chance));
    const population = new Population(stage, originals, firstNight);
    await population.#write(originals);
    return population;
  }

  get size(): number {
    return this.#copies * histories;
  }

  /** Time of the next night; each is a day after the last. */
  nextNight(): string {
    this.#nights += 1;
    return new Date(this.#firstNight + this.#nights * day).toISOString();
  }

  /** Adds copies until there are so many customers. The table's stream is off meanwhile. */
  async growTo(size: number, onProgress: (written: number) => void): Promise<void> {
    await this.#readOriginals();
    const stream = (StreamSpecification: object) =>
      this.#stage.call('UpdateTable', { TableName: this.#stage.tables.customers, StreamSpecification });
    await stream({ StreamEnabled: false });
    while (this.size < size) {
      await this.#write(this.#originals.map((original, history) => copyOf(original, history, this.#copies)));
      this.#copies += 1;
      onProgress(this.size);
    }
    await stream({ StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' });
  }

  /** Some buy once more, an hour before the night that was last asked for. Answers with how many did. */
  async buy(): Promise<number> {
    await this.#readOriginals();
    const at = this.#firstNight + this.#nights * day - 3_600_000;
    let customers = 0;
    for (let history = this.#nights % oneBuysOf; history < histories; history += oneBuysOf) {
      const original = this.#originals[history];
      if (!original) continue;
      const bought: Item = {
        ...original,
        version: { N: String(numberOf(original.version) + 1) },
        purchaseCount: { N: String(numberOf(original.purchaseCount) + 1) },
        totalSpent: { N: String(numberOf(original.totalSpent) + 7_990) },
        lastPurchaseAt: { S: new Date(at).toISOString() },
        days: { S: `${textOf(original.days)} ${dayOf(at) - lastDayIn(textOf(original.days))}:7990` },
        sales: { S: `${textOf(original.sales)} ${dayOf(at) - lastDayIn(textOf(original.days))}:6714` },
      };
      await this.#write(Array.from({ length: this.#copies }, (_, copy) => copyOf(bought, history, copy)));
      customers += this.#copies;
    }
    return customers;
  }

  async #readOriginals(): Promise<void> {
    const { customers } = this.#stage.tables;
    for (let first = 0; first < histories; first += 100) {
      const Keys = Array.from({ length: 100 }, (_, index) => ({ customerId: { S: idOf(first + index, 0) } }));
      const { Responses } = await this.#stage.call<{ Responses: Record<string, Item[]> }>('BatchGetItem', {
        RequestItems: { [customers]: { Keys } },
      });
      for (const item of Responses[customers] ?? []) this.#originals[historyIn(item)] = item;
    }
  }

  /** A hundred in one transaction: the engine takes them several times as fast as in batches. */
  async #write(items: readonly Item[]): Promise<void> {
    let next = 0;
    const work = async () => {
      while (next < items.length) {
        const some = items.slice(next, next + 100);
        next += 100;
        await this.#stage.call('TransactWriteItems', {
          TransactItems: some.map((item) => ({ Put: { TableName: this.#stage.tables.customers, Item: item } })),
        });
      }
    };
    await Promise.all([work(), work()]);
  }
}

function historyOf(form: Item, history: number, until: number, chance: () => number): Item {
  const purchaseCount = 1 + Math.floor(Math.log(1 - chance()) / Math.log(0.6));
  const last = until - Math.floor(-Math.log(1 - chance()) * 200 * day);
  const first = last - Math.floor((purchaseCount - 1) * chance() * 120 * day);
  const each = Math.round(2_000 * Math.exp(1.2 * (chance() + chance() + chance() - 1.5) + 0.8));
  const pause = purchaseCount > 1 ? (dayOf(last) - dayOf(first)) / (purchaseCount - 1) : 0;
  const days = new Map<number, number>();
  for (let purchase = 0; purchase < purchaseCount; purchase++) {
    const on = dayOf(first) + Math.round(purchase * pause);
    days.set(on, (days.get(on) ?? 0) + 1);
  }
  return {
    ...form,
    customerId: { S: idOf(history, 0) },
    purchaseCount: { N: String(purchaseCount) },
    totalSpent: { N: String(each * purchaseCount) },
    firstPurchaseAt: { S: new Date(first).toISOString() },
    lastPurchaseAt: { S: new Date(last).toISOString() },
    days: { S: daysText([...days], each) },
    sales: { S: `|${salesText([...days], each)}` },
  };
}

const dayOf = (milliseconds: number) => Math.floor(milliseconds / day);

/** Each day as days since the one before, what was spent and, where there was more than one, the purchases. */
function daysText(days: readonly (readonly [number, number])[], each: number): string {
  const since = (index: number) => (days[index]?.[0] ?? 0) - (days[index - 1]?.[0] ?? 0);
  return days.map(([, n], index) => `${since(index)}:${n * each}${n > 1 ? `:${n}` : ''}`).join(' ');
}

/** Without tax: what was sold on each day, of no category. */
function salesText(days: readonly (readonly [number, number])[], each: number): string {
  const since = (index: number) => (days[index]?.[0] ?? 0) - (days[index - 1]?.[0] ?? 0);
  return days.map(([, n], index) => `${since(index)}:${Math.round((n * each) / 1.19)}`).join(' ');
}

function lastDayIn(text: string): number {
  return text.split(' ').reduce((sum, part) => sum + Number.parseInt(part, 10), 0);
}

function textOf(value: Value | undefined): string {
  return value && 'S' in value ? value.S : '';
}

function copyOf(original: Item, history: number, copy: number): Item {
  return { ...original, customerId: { S: idOf(history, copy) } };
}

/** The copy first, so that copies of one history do not lie side by side. */
function idOf(history: number, copy: number): string {
  return `cus_bench-${String(copy).padStart(4, '0')}-${String(history).padStart(6, '0')}`;
}

function historyIn({ customerId }: Item): number {
  return customerId && 'S' in customerId ? Number(customerId.S.slice(-6)) : 0;
}

function numberOf(value: Value | undefined): number {
  return value && 'N' in value ? Number(value.N) : 0;
}

/** Numbers from 0 to below 1, the same in every run (mulberry32). */
export function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
