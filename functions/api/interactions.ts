import * as z from 'zod/mini';
import { partnerSourceId } from '../../shared/domain/access.ts';
import type { Source } from '../../shared/domain/source.ts';
import { rateTrust } from '../../shared/dynamodb/exchange-rate-store.ts';
import { mintWith } from '../../shared/dynamodb/mint.ts';
import { recordStore } from '../../shared/dynamodb/record-store.ts';
import { type Base, fixBase } from '../../shared/dynamodb/settings.ts';
import { type Frame, frameOfSource, type Recorded } from '../../shared/engine/draft.ts';
import { Unintelligible } from '../../shared/engine/fact.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { record } from '../../shared/engine/record.ts';
import { problemBody, reportedProblem } from '../../shared/http/problem-answer.ts';
import { itemBytes, route } from '../../shared/http/route.ts';
import {
  batchIn,
  type InteractionGiven,
  interactionsIn,
  recorded,
  recordedBatch,
} from '../../shared/http/schemas/interactions.ts';
import { validate } from '../../shared/http/validate.ts';
import type { Door } from './door.ts';
import { checkedInteraction, factOf } from './interaction-fact.ts';
import { speakingSource } from './visible-source.ts';

const batchBytes = 500_000;

export const reportInteractions = route({
  summary: 'Records an interaction of a partner, or up to 100 of them',
  scope: 'interactions:write',
  body: z.unknown(),
  bodyShown: interactionsIn,
  bodyBytes: batchBytes,
  answers: {
    200: { description: 'Known already', schema: recorded },
    201: { description: 'Recorded', schema: recorded },
    207: { description: 'A batch, answered item by item, in its order', schema: recordedBatch },
  },
  async answer(door: Door, { body }) {
    if (body !== null && typeof body === 'object' && 'interactions' in body) {
      const { interactions } = validate(batchIn, body);
      const data = await recordEach(door, interactions);
      // What passes is worth another try: the items that were taken are then duplicates.
      const passing = data.some(({ httpStatus }) => httpStatus >= 500);
      return { status: 207, body: { data }, ...(passing && { headers: { 'retry-after': '2' } }) };
    }
    if (door.request.body.byteLength > itemBytes) throw tooLarge();
    const answer = await recordOne(door, new Frames(door), body);
    return { status: answer.status === 'recorded' ? 201 : 200, body: answer };
  },
});

function tooLarge(): Problem {
  return new Problem(413, 'item_too_large', `An interaction has at most ${itemBytes} bytes.`);
}

/** One after the other: items of one batch often speak of one customer, and those would wait for each other anyway. */
async function recordEach(door: Door, items: readonly unknown[]): Promise<{ httpStatus: number }[]> {
  const frames = new Frames(door);
  const answers: ({ httpStatus: number } & Record<string, unknown>)[] = [];
  for (const [index, item] of items.entries()) {
    try {
      if (Buffer.byteLength(JSON.stringify(item) ?? '') > itemBytes) throw tooLarge();
      const answer = await recordOne(door, frames, item, `/interactions/${index}`);
      answers.push({ httpStatus: answer.status === 'recorded' ? 201 : 200, ...answer });
    } catch (error) {
      const problem = reportedProblem(error, door.request);
      answers.push({ httpStatus: problem.status, status: 'refused', problem: problemBody(problem, door.request.id) });
    }
  }
  return answers;
}

async function recordOne({ client, tables, testStage }: Door, frames: Frames, item: unknown, place = '') {
  const given = checkedInteraction(item, place);
  try {
    const frame = await frames.of(given);
    const trust = { trustRatesFor: rateTrust(testStage) };
    return shown(await record(recordStore(client, tables, trust), factOf(given, frame.sourceId), frame), given, frame);
  } catch (error) {
    if (error instanceof Unintelligible) throw new Problem(422, 'cannot_be_recorded', `${error.reason}.`);
    throw error;
  }
}

function shown({ outcome, interactionId, customerId }: Recorded, given: InteractionGiven, { sourceId, mint }: Frame) {
  const id =
    given.type === 'refund' ? mint('int', sourceId, 'refund', given.orderExternalId, given.externalId) : interactionId;
  return { status: outcome, id, customerId: customerId ?? null };
}

/** The frames of one request: settings and sources are read once. */
class Frames {
  readonly #door: Door;
  readonly #sources = new Map<string, Promise<Source>>();
  #base: Base | undefined;

  constructor(door: Door) {
    this.#door = door;
  }

  /** @throws Problem `source_not_found`, alike for a source that is not there and one that the key may not use */
  async of(given: InteractionGiven): Promise<Frame> {
    const { access, now } = this.#door;
    const settings = await this.#door.settings();
    const own = partnerSourceId(access);
    const sourceId = given.sourceId ?? own;
    const heard = { receivedAt: now, mint: mintWith(settings.salt) };
    if (sourceId !== own) {
      return frameOfSource(await this.#source(sourceId), heard);
    }
    const currency =
      given.type === 'order' ? given.total.currency : given.type === 'refund' ? given.amount.currency : undefined;
    return { sourceId, ...(await this.#baseFor(currency)), ...heard };
  }

  #source(sourceId: string): Promise<Source> {
    const known = this.#sources.get(sourceId) ?? speakingSource(this.#door, sourceId);
    this.#sources.set(sourceId, known);
    return known;
  }

  /**
   * Where no source has fixed the base currency yet, the first amount does: facts that were counted in no currency
   * could not be made right later. Without an amount none is needed.
   */
  async #baseFor(currency: string | undefined): Promise<Base> {
    const { baseCurrency = '', baseTimeZone = 'UTC' } = await this.#door.settings();
    if (baseCurrency !== '' || currency === undefined) return { baseCurrency, baseTimeZone };
    const { client, tables } = this.#door;
    this.#base ??= await fixBase(client, tables.registry, { baseCurrency: currency, baseTimeZone });
    return this.#base;
  }
}
