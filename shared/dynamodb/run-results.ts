import { gunzipSync, gzipSync } from 'node:zlib';
import { plainReportCounts, type ReportCounts, reportCountsOf } from '../domain/reports/report-counts.ts';
import type { RunResult } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { runResultKey } from './keys.ts';
import { rehearsalExpiry } from './rehearsal-expiry.ts';

type Name = Parameters<typeof runResultKey>[1];

/** Results that are JSON as they are. */
export function runResult<Value>(client: Client, registry: string, name: Name): RunResult<Value> {
  return resultStore<Value, Value>(client, registry, name, asItIs);
}

/** The same of a rehearsal, kept for as long as its run. @param realTime milliseconds since 1970 */
export function rehearsalResult<Value>(
  client: Client,
  registry: string,
  name: Name,
  realTime: () => number,
): RunResult<Value> {
  return resultStore<Value, Value>(client, registry, name, asItIs, () => ({ expiresAt: rehearsalExpiry(realTime()) }));
}

const asItIs = { write: <Value>(value: Value) => value, read: <Value>(value: Value) => value };

/** What a night counted for the reports. */
export function reportCountsStore(client: Client, registry: string): RunResult<ReportCounts> {
  return resultStore(client, registry, 'reports', { write: plainReportCounts, read: reportCountsOf });
}

/** Compressed: the largest of them have some tens of kilobytes. */
function resultStore<Value, Plain>(
  client: Client,
  registry: string,
  name: Name,
  form: { write: (value: Value) => Plain; read: (plain: Plain) => Value },
  expiry: () => { expiresAt?: number } = () => ({}),
): RunResult<Value> {
  return {
    async read(runId) {
      const { Item } = await client.get({ TableName: registry, Key: runResultKey(runId, name), ConsistentRead: true });
      return Item && form.read(JSON.parse(gunzipSync(Item.body as Uint8Array).toString()));
    },

    async keep(runId, value) {
      try {
        await client.put({
          TableName: registry,
          Item: { ...runResultKey(runId, name), body: gzipSync(JSON.stringify(form.write(value))), ...expiry() },
          ConditionExpression: 'attribute_not_exists(pk)',
        });
      } catch (error) {
        if (!failedCondition(error)) throw error;
      }
    },

    async drop(runId) {
      await client.delete({ TableName: registry, Key: runResultKey(runId, name) });
    },
  };
}
