import type { Duration } from 'aws-cdk-lib';
import { Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Variable } from '../../shared/contracts/environment.ts';

/** A table with the variable by which functions find it: a grant gives both. */
export interface BoundTable {
  table: Table;
  indexes: readonly string[];
  variable: Variable;
}

/** What a function may do with a table; transactions need no more than the actions that they are made of. */
export const tableActions = {
  reads: ['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'],
  writes: [
    'dynamodb:PutItem',
    'dynamodb:UpdateItem',
    'dynamodb:DeleteItem',
    'dynamodb:ConditionCheckItem',
    'dynamodb:BatchWriteItem',
  ],
  deletes: ['dynamodb:DeleteItem'],
  scans: ['dynamodb:Scan'],
  writesInBulk: ['dynamodb:BatchWriteItem'],
  insertsInBulk: ['dynamodb:PartiQLInsert', 'dynamodb:UpdateItem'],
  updatesInBulk: ['dynamodb:UpdateItem', 'dynamodb:PartiQLUpdate'],
} as const;

/** ARNs of a table and of each of its indexes, without a wildcard. */
export function tableArns({ table, indexes }: BoundTable): string[] {
  return [table.tableArn, ...indexes.map((index) => `${table.tableArn}/index/${index}`)];
}

/** Throttled reads or writes of a table and of each of its indexes, every one a metric of its own. */
export function throttleMetrics({ table, indexes }: BoundTable, kind: 'Read' | 'Write', period: Duration): Metric[] {
  const places = [{}, ...indexes.map((index) => ({ GlobalSecondaryIndexName: index }))];
  return places.map(
    (place) =>
      new Metric({
        namespace: 'AWS/DynamoDB',
        metricName: `${kind}ThrottleEvents`,
        dimensionsMap: { TableName: table.tableName, ...place },
        statistic: Stats.SUM,
        period,
      }),
  );
}
