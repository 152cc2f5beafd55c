import { type Calendar, calendarOf } from '../domain/calendar.ts';
import { type Customer, factsIn, withFactsIn } from '../domain/customer.ts';
import { uncoversBound, withOrderFacts } from '../domain/facts.ts';
import type { Instant } from '../domain/instant.ts';
import { noOrderFacts, type OrderFacts } from '../domain/order-facts.ts';
import { customerWrite, type Frame, isChanged } from './draft.ts';
import type { RecordStore, Write } from './record-store.ts';

/** The customers that one sale touches, as they were read and as they become. */
export class Touched {
  readonly #customers = new Map<string, { before: Customer; after: Customer }>();
  readonly #store: RecordStore;
  readonly #baseCurrency: string;
  readonly #calendar: Calendar;
  /** Of the lines that the sale stands in now: bounds are looked for among the others. */
  readonly #orderIds: readonly string[];

  constructor(store: RecordStore, { baseCurrency, baseTimeZone }: Frame, orderIds: readonly string[]) {
    this.#store = store;
    this.#baseCurrency = baseCurrency;
    this.#calendar = calendarOf(baseTimeZone);
    this.#orderIds = orderIds;
  }

  /** The customer as it becomes. */
  of(customer: Customer): Customer {
    return this.#customers.get(customer.id)?.after ?? customer;
  }

  /** @param read the customer as it was read */
  set(read: Customer, after: Customer): void {
    this.#customers.set(read.id, { before: this.#customers.get(read.id)?.before ?? read, after });
  }

  /** Changes what the sale adds to a customer; one that changed its currency leaves one sum and joins another. */
  async count(customer: Customer, was: OrderFacts, is: OrderFacts): Promise<void> {
    const moves = was.currency !== '' && was.currency !== is.currency;
    const changes = moves
      ? [
          { was, is: noOrderFacts },
          { was: noOrderFacts, is },
        ]
      : [{ was, is }];
    let after = this.of(customer);
    for (const change of changes) {
      const currency = change.is.currency || change.was.currency;
      if (currency === '') continue;
      const facts = factsIn(after, currency, this.#baseCurrency);
      const uncovered = uncoversBound(facts, change.was, change.is);
      const rest = uncovered ? await this.#store.purchaseBounds(customer.id, currency, this.#orderIds) : undefined;
      const counted = withOrderFacts(facts, change.was, change.is, this.#calendar, rest);
      after = withFactsIn(after, currency, this.#baseCurrency, counted);
    }
    this.set(customer, after);
  }

  /** @param guarded ids of customers that are written even where nothing of them changed, as their ledger did */
  writes(receivedAt: Instant, guarded: readonly string[]): Write[] {
    return [...this.#customers.values()]
      .filter(({ before, after }) => guarded.includes(after.id) || isChanged(before, after))
      .map(({ before, after }) => customerWrite(before, after, receivedAt));
  }
}
