import { gunzipSync, gzipSync } from 'node:zlib';
import { plainReportCounts, type ReportCounts, reportCountsOf } from '../domain/reports/report-counts.ts';
import type { RunResult } from '../engine/value-run.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { runResultKey } from './keys.ts';

type Name = Parameters<typeof runResultKey>[1];

/** Results that are JSON as they are. */
export function runResult<Value>(client: Client, registry: string, name: Name): RunResult<Value> {
  return resultStore(client, registry, name, { write: (value: Value) => value, read: (value) => value });
}

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
          Item: { ...runResultKey(runId, name), body: gzipSync(JSON.stringify(form.write(value))) },
          ConditionExpression: 'attribute_not_exists(pk)',
        });
      } catch (error) {
        if (!failedCondition(error)) throw error;
      }
    },
  };
}
