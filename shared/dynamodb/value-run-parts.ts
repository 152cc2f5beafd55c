import { createHash, randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { runPartDays } from '../contracts/run-parts.ts';
import { plainReportCounts, reportCountsOf } from '../domain/reports/report-counts.ts';
import type { Histogram } from '../domain/rfm.ts';
import type { PartBodies } from '../engine/part-bodies.ts';
import { Problem } from '../engine/problem.ts';
import type { AssignPart, MeasurePart, Parts } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition, itemInTheWay } from './faults.ts';
import { runPartKey } from './keys.ts';

/**
 * Bytes. Up to here a body lies in the item: a write unit for each kilobyte costs less than the put of an object, which
 * is worth eight of them.
 */
const largestInItem = 8_000;

type Phase = Parameters<typeof runPartKey>[1];

/** How a part lies in the table: compressed in the item itself or, where it is larger, in the object that it names. */
interface PartItem {
  done: boolean;
  body?: Uint8Array;
  /** `measure/9b2e…`: named anew at each writing, so that an item never names what somebody else wrote. */
  object?: string;
  /** Of the object, in base64. */
  sha256?: string;
}

/** Where parts lie. */
export interface PartPlaces {
  client: Client;
  registry: string;
  bodies: PartBodies;
  /** Milliseconds since 1970: what a run that broke off leaves is forgotten some days later, as its objects are. */
  realTime(): number;
}

export function measureParts(places: PartPlaces): Parts<MeasurePart> {
  return partStore(places, 'measure', {
    write: ({ measure, counts, reports, ...part }: MeasurePart) => ({
      ...part,
      ...(reports && { reports: plainReportCounts(reports) }),
      counts: { histories: sorted(counts.histories), spend: sorted(counts.spend) },
      measure: {
        ...measure,
        days: sorted(measure.days),
        purchases: sorted(measure.purchases),
        amounts: sorted(measure.amounts),
        contributions: sorted(measure.contributions),
      },
    }),
    read: ({ measure, counts, reports, ...part }) => ({
      ...part,
      ...(reports && { reports: reportCountsOf(reports) }),
      counts: { histories: new Map(counts.histories), spend: new Map(counts.spend) },
      measure: {
        ...measure,
        days: new Map(measure.days),
        purchases: new Map(measure.purchases),
        amounts: new Map(measure.amounts),
        contributions: new Map(measure.contributions),
      },
    }),
  });
}

export function assignParts(places: PartPlaces): Parts<AssignPart> {
  return partStore(places, 'assign', { write: (part: AssignPart) => part, read: (part) => part });
}

function sorted(histogram: Histogram): [number, number][] {
  return [...histogram].sort(([a], [b]) => a - b);
}

/**
 * The object first, then the item that names it, on condition: a part is saved whole or not at all. An object that no item
 * came to name, and one whose item names another by now, goes at once where that is possible, else by the bucket's own rule.
 * @param form how a part becomes JSON
 */
export function partStore<Part extends { done: boolean }, Plain>(
  { client, registry, bodies, realTime }: PartPlaces,
  phase: Phase,
  form: { write: (part: Part) => Plain; read: (plain: Plain) => Part },
): Parts<Part> {
  return {
    async read(runId, segment) {
      const key = runPartKey(runId, phase, segment);
      let sought: string | undefined;
      for (;;) {
        const { Item } = await client.get({ TableName: registry, Key: key, ConsistentRead: true });
        if (!Item) return undefined;
        const { body: own, object = '', sha256 } = Item as PartItem;
        const body = own ?? (await bodies.get(object));
        if (body && (own || sha256 === digestOf(body))) return form.read(JSON.parse(gunzipSync(body).toString()));
        // Another call of the same step may have written meanwhile; then the item names another object.
        if (object === sought) throw lost(key.sk);
        sought = object;
      }
    },

    async save(runId, segment, part) {
      const key = runPartKey(runId, phase, segment);
      const item = await written(part);
      const expiresAt = Math.floor(realTime() / 1000) + runPartDays * 86_400;
      try {
        const { Attributes } = await client.put({
          TableName: registry,
          Item: { ...key, ...item, expiresAt },
          ConditionExpression: 'attribute_not_exists(pk) OR done = :no',
          ExpressionAttributeValues: { ':no': false },
          ReturnValues: 'ALL_OLD',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        });
        await dropObject(Attributes as PartItem | undefined, item);
        return true;
      } catch (error) {
        if (!failedCondition(error)) throw error;
        const inTheWay = itemInTheWay(error) as PartItem | undefined;
        // Where the answer to this very writing was lost, its repetition finds it.
        if (item.object !== undefined && inTheWay?.object === item.object) return true;
        await dropObject(item, inTheWay);
        return false;
      }
    },

    async drop(runId, segments) {
      for (let segment = 0; segment < segments; segment++) {
        const key = runPartKey(runId, phase, segment);
        const { Attributes } = await client.delete({ TableName: registry, Key: key, ReturnValues: 'ALL_OLD' });
        await dropObject(Attributes as PartItem | undefined);
      }
    },
  };

  async function written(part: Part): Promise<PartItem> {
    const body = gzipSync(JSON.stringify(form.write(part)));
    if (body.length <= largestInItem) return { done: part.done, body };
    const object = `${phase}/${randomUUID()}`;
    await bodies.put(object, body);
    return { done: part.done, object, sha256: digestOf(body) };
  }

  async function dropObject(item: PartItem | undefined, kept?: PartItem): Promise<void> {
    if (item?.object === undefined || item.object === kept?.object) return;
    // What stays behind the bucket forgets by itself.
    await bodies.drop(item.object).catch(() => undefined);
  }
}

function digestOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('base64');
}

function lost(part: string): Problem {
  return new Problem(
    409,
    'value_run_part_lost',
    `The object of ${part} is gone, cannot be read or is another one: this run cannot go on. Start another one.`,
  );
}
