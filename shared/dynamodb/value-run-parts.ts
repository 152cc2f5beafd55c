import { randomUUID } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { plainReportCounts, reportCountsOf } from '../domain/reports/report-counts.ts';
import type { Histogram } from '../domain/rfm.ts';
import type { AssignPart, MeasurePart, Parts } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { runPartKey, runPartPieceKey } from './keys.ts';

/** An item holds 400 kB at most. */
const pieceSize = 350_000;

type Phase = Parameters<typeof runPartKey>[1];

/** How a part lies in the table: compressed in the item itself or, where it is too large, in pieces beside it. */
interface PartItem {
  done: boolean;
  body?: Uint8Array;
  writing?: string;
  pieces?: number;
}

export function measureParts(client: Client, registry: string): Parts<MeasurePart> {
  return partStore(client, registry, 'measure', {
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

export function assignParts(client: Client, registry: string): Parts<AssignPart> {
  return partStore(client, registry, 'assign', { write: (part: AssignPart) => part, read: (part) => part });
}

function sorted(histogram: Histogram): [number, number][] {
  return [...histogram].sort(([a], [b]) => a - b);
}

/** @param form how a part becomes JSON */
export function partStore<Part extends { done: boolean }, Plain>(
  client: Client,
  registry: string,
  phase: Phase,
  form: { write: (part: Part) => Plain; read: (plain: Plain) => Part },
): Parts<Part> {
  return {
    async read(runId, segment) {
      const key = runPartKey(runId, phase, segment);
      const { Item } = await client.get({ TableName: registry, Key: key, ConsistentRead: true });
      if (!Item) return undefined;
      return form.read(JSON.parse(gunzipSync(await bodyOf(key, Item as PartItem)).toString()));
    },

    async save(runId, segment, part) {
      const key = runPartKey(runId, phase, segment);
      const body = gzipSync(JSON.stringify(form.write(part)));
      const item: PartItem = { done: part.done };
      if (body.length <= pieceSize) item.body = body;
      else Object.assign(item, await putPieces(key, body));
      try {
        const { Attributes } = await client.put({
          TableName: registry,
          Item: { ...key, ...item },
          ConditionExpression: 'attribute_not_exists(pk) OR done = :no',
          ExpressionAttributeValues: { ':no': false },
          ReturnValues: 'ALL_OLD',
        });
        await dropPieces(key, Attributes as PartItem | undefined);
        return true;
      } catch (error) {
        if (!failedCondition(error)) throw error;
        await dropPieces(key, item);
        return false;
      }
    },

    async drop(runId, segments) {
      for (let segment = 0; segment < segments; segment++) {
        const key = runPartKey(runId, phase, segment);
        const { Attributes } = await client.delete({ TableName: registry, Key: key, ReturnValues: 'ALL_OLD' });
        await dropPieces(key, Attributes as PartItem | undefined);
      }
    },
  };

  async function putPieces(key: ReturnType<typeof runPartKey>, body: Uint8Array) {
    const writing = randomUUID();
    const pieces = Math.ceil(body.length / pieceSize);
    for (let piece = 0; piece < pieces; piece++) {
      const content = body.subarray(piece * pieceSize, (piece + 1) * pieceSize);
      const item = { ...runPartPieceKey(key, writing, piece), body: content };
      await client.put({ TableName: registry, Item: item });
    }
    return { writing, pieces };
  }

  async function bodyOf(key: ReturnType<typeof runPartKey>, item: PartItem): Promise<Uint8Array> {
    const { body, writing = '', pieces = 0 } = item;
    if (body) return body;
    const contents: Uint8Array[] = [];
    for (let piece = 0; piece < pieces; piece++) {
      const { Item } = await client.get({
        TableName: registry,
        Key: runPartPieceKey(key, writing, piece),
        ConsistentRead: true,
      });
      if (!Item) throw new Error(`piece ${piece} of ${key.sk} is missing`);
      contents.push(Item.body);
    }
    return Buffer.concat(contents);
  }

  async function dropPieces(key: ReturnType<typeof runPartKey>, item: PartItem | undefined): Promise<void> {
    const { writing = '', pieces = 0 } = item ?? {};
    for (let piece = 0; piece < pieces; piece++)
      await client.delete({ TableName: registry, Key: runPartPieceKey(key, writing, piece) });
  }
}
