import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import { tables } from '../../shared/contracts/tables.ts';
import { Alarms } from '../constructs/alarms.ts';
import type { BoundTable } from '../constructs/bound-table.ts';
import { RunParts } from '../constructs/run-parts.ts';

/**
 * What stays: the five tables, and the bucket for what a night has no room for in them. Whatever reads or writes them lives
 * in the engine stack and can be replaced.
 */
export class DataStack extends Stack {
  readonly tables: {
    customers: BoundTable;
    deliveries: BoundTable;
    ledger: BoundTable;
    outreach: BoundTable;
    registry: BoundTable;
  };
  readonly runParts: RunParts;

  constructor(scope: Construct, id: string, props: { testStage: boolean; address?: string }) {
    super(scope, id, { description: 'Rapport: customers, ledger, deliveries, outreach and registry' });
    const kept = {
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      // With DynamoDB's own key: encrypted at rest, and no charge for every call as with a key in KMS.
      encryption: TableEncryption.DEFAULT,
      deletionProtection: !props.testStage,
      removalPolicy: props.testStage ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    };

    const customers = new Table(this, 'Customers', {
      ...kept,
      partitionKey: text(tables.customers.partitionKey),
      // A change of tier or consent shows only beside what was there before.
      stream: StreamViewType.NEW_AND_OLD_IMAGES,
    });
    const ledger = new Table(this, 'Ledger', {
      ...kept,
      partitionKey: text(tables.ledger.partitionKey),
      sortKey: text(tables.ledger.sortKey),
      stream: StreamViewType.NEW_IMAGE,
    });
    const outreach = new Table(this, 'Outreach', {
      ...kept,
      partitionKey: text(tables.outreach.partitionKey),
      stream: StreamViewType.NEW_IMAGE,
      timeToLiveAttribute: tables.outreach.timeToLive,
    });
    const deliveries = new Table(this, 'Deliveries', {
      ...kept,
      partitionKey: text(tables.deliveries.partitionKey),
      sortKey: text(tables.deliveries.sortKey),
      timeToLiveAttribute: tables.deliveries.timeToLive,
    });
    const registry = new Table(this, 'Registry', {
      ...kept,
      partitionKey: text(tables.registry.partitionKey),
      sortKey: text(tables.registry.sortKey),
      timeToLiveAttribute: tables.registry.timeToLive,
    });
    addIndexes(outreach, tables.outreach);
    addIndexes(deliveries, tables.deliveries);
    addIndexes(registry, tables.registry);

    this.tables = {
      customers: { table: customers, indexes: [], variable: variables.customersTable },
      deliveries: {
        table: deliveries,
        indexes: Object.keys(tables.deliveries.indexes),
        variable: variables.deliveriesTable,
      },
      ledger: { table: ledger, indexes: [], variable: variables.ledgerTable },
      outreach: { table: outreach, indexes: Object.keys(tables.outreach.indexes), variable: variables.outreachTable },
      registry: { table: registry, indexes: Object.keys(tables.registry.indexes), variable: variables.registryTable },
    };
    this.runParts = new RunParts(this, 'RunParts', props);
    new Alarms(this, 'Alarms', props).watchTables(this.tables);
  }
}

function text(name: string) {
  return { name, type: AttributeType.STRING };
}

interface Index {
  partitionKey: string;
  sortKey: string;
}

interface Indexed {
  indexes: Record<string, Index>;
  projected: 'everything' | readonly string[];
}

function addIndexes(table: Table, { indexes, projected }: Indexed): void {
  for (const [indexName, keys] of Object.entries(indexes))
    table.addGlobalSecondaryIndex({
      indexName,
      partitionKey: text(keys.partitionKey),
      sortKey: text(keys.sortKey),
      ...projectionOf(projected, keys),
    });
}

function projectionOf(projected: Indexed['projected'], { partitionKey, sortKey }: Index) {
  if (projected === 'everything') return { projectionType: ProjectionType.ALL };
  if (projected.length === 0) return { projectionType: ProjectionType.KEYS_ONLY };
  // An index holds its own keys anyway.
  const nonKeyAttributes = projected.filter((name) => name !== partitionKey && name !== sortKey);
  return { projectionType: ProjectionType.INCLUDE, nonKeyAttributes };
}
