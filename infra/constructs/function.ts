import {
  ArnFormat,
  AssetHashType,
  type CfnElement,
  type CfnResource,
  DockerImage,
  type Duration,
  RemovalPolicy,
  Stack,
  Validations,
} from 'aws-cdk-lib';
import { type Metric, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Code,
  type EventSourceMappingOptions,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { FilterPattern, LogGroup, MetricFilter, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { StateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { type Variable, variables } from '../../shared/contracts/environment.ts';
import { type LogLine, logLines } from '../../shared/contracts/log-lines.ts';
import { bundleInto, repositoryPath, repositoryRoot } from '../bundling.ts';
import { type BoundTable, tableActions, tableArns } from './bound-table.ts';
import { objectActions, type RunParts } from './run-parts.ts';

export interface RapportFunctionProps {
  /** Entry file, relative to the repository root; its export is `handler`. */
  entry: `functions/${string}.ts`;
  description: string;
  timeout: Duration;
  /** In MB; it sets the share of a processor too. 1,024 halves the start of 512. */
  memorySize: number;
  stage: string;
  testStage: boolean;
}

/** Makes a function of the stage at hand. */
export type FunctionFactory = (
  scope: Construct,
  id: string,
  props: Omit<RapportFunctionProps, 'stage' | 'testStage'>,
) => RapportFunction;

/** What a value run keeps parts of. */
type RunPhase = 'measure' | 'assign';

/** Where the local stack finds the source of a function. */
export const entryMetadata = 'rapport:entry';
/** Says to the local stack that a function inserts many items in one call: its engine wants them in another form. */
const insertsMetadata = 'rapport:inserts';

/** A function with a role and a log of its own. Each method gives a permission and the variable that goes with it. */
export class RapportFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;
  /** How often each line that {@link tells} named was written. */
  readonly told = new Map<LogLine, Metric>();
  private readonly logGroup: LogGroup;
  private readonly stage: string;

  constructor(scope: Construct, id: string, props: RapportFunctionProps) {
    super(scope, id);
    const entry = repositoryPath(props.entry);
    this.stage = props.stage;
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: bundled(entry),
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memorySize,
      timeout: props.timeout,
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      environment: {
        [variables.stage]: props.stage,
        ...(props.testStage ? { [variables.testStage]: 'true' } : {}),
      },
    });
    this.logGroup.grantWrite(this.role);
    (this.lambda.node.defaultChild as CfnResource).addMetadata(entryMetadata, entry);
  }

  set(variable: Variable, value: string): this {
    this.lambda.addEnvironment(variable, value);
    return this;
  }

  /** Gets, queries and batch gets, on the table and its indexes. */
  reads(...tables: BoundTable[]): this {
    for (const table of tables) this.uses(table, tableActions.reads, tableArns(table));
    return this;
  }

  /** Puts, updates, deletes and condition checks, alone, in batches and in transactions. */
  writes(...tables: BoundTable[]): this {
    for (const table of tables) this.uses(table, tableActions.writes);
    return this;
  }

  /** Unconditional puts and deletes, many in one call. */
  writesInBulk(table: BoundTable): this {
    return this.uses(table, tableActions.writesInBulk);
  }

  deletes(table: BoundTable): this {
    return this.uses(table, tableActions.deletes);
  }

  scans(table: BoundTable): this {
    return this.uses(table, tableActions.scans);
  }

  /** Conditional puts, many in one call (PartiQL), and updates of what is there already. */
  insertsInBulk(table: BoundTable): this {
    (this.lambda.node.defaultChild as CfnResource).addMetadata(insertsMetadata, true);
    return this.uses(table, tableActions.insertsInBulk);
  }

  /** Conditional updates, many in one call (PartiQL). */
  updatesInBulk(table: BoundTable): this {
    return this.uses(table, tableActions.updatesInBulk);
  }

  /** Parts of value runs of the given phases, each a prefix of the bucket. */
  keepsParts(
    { bucket, arn }: RunParts,
    access: Partial<Record<keyof typeof objectActions, readonly RunPhase[]>>,
  ): this {
    for (const [actions, phases] of Object.entries(access) as [keyof typeof objectActions, readonly RunPhase[]][])
      for (const phase of phases) {
        this.may(objectActions[actions], [`${arn.imported}/${phase}/*`]);
        Validations.of(this.role).acknowledge({
          id: `AwsSolutions-IAM5[Resource::${arn.exportedAs}/${phase}/*]`,
          reason: 'Each writing of a part is an object of its own under the prefix of its phase.',
        });
      }
    return this.set(variables.partsBucket, bucket.bucketName);
  }

  /** Is called with what changes in a table. The table's stream has to be on. */
  follows({ table }: BoundTable, options: Omit<EventSourceMappingOptions, 'eventSourceArn'>): this {
    const stream = table.tableStreamArn;
    if (stream === undefined) throw new Error(`${table.node.path} has no stream to follow`);
    this.may(['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'], [stream]);
    this.may(['dynamodb:ListStreams'], ['*']);
    Validations.of(this.role).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason: 'dynamodb:ListStreams, which Lambda asks for beside a stream, knows no narrower resource.',
    });
    this.lambda.addEventSourceMapping(`Follow${table.node.id}`, { ...options, eventSourceArn: stream });
    return this;
  }

  sendsTo(queue: Queue, variable: Variable): this {
    this.may(['sqs:SendMessage'], [queue.queueArn]);
    return this.set(variable, queue.queueUrl);
  }

  putsEventsTo(bus: EventBus): this {
    this.may(['events:PutEvents'], [bus.eventBusArn]);
    return this.set(variables.bus, bus.eventBusName);
  }

  /** Starts executions, and follows them to their end. */
  starts(machine: StateMachine, variable: Variable): this {
    this.may(['states:StartExecution'], [machine.stateMachineArn]);
    const stack = Stack.of(this);
    const executions = stack.formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${machine.stateMachineName}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    this.may(['states:DescribeExecution'], [executions]);
    const name = `<${stack.getLogicalId(machine.node.defaultChild as CfnElement)}.Name>`;
    Validations.of(this.role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:${name}:*]`,
      reason: 'Each execution of this one state machine has a name of its own.',
    });
    return this.set(variable, machine.stateMachineArn);
  }

  /** Counts these lines of its log; functions that write the same line count together. */
  tells(...lines: LogLine[]): this {
    for (const line of lines) {
      const filter = new MetricFilter(this, line, {
        logGroup: this.logGroup,
        // The phrase itself: Lambda puts the function's own JSON, as text, into the JSON of the log.
        filterPattern: FilterPattern.allTerms(logLines[line]),
        metricNamespace: `Rapport/${this.stage}`,
        metricName: line,
      });
      this.told.set(line, filter.metric({ statistic: Stats.SUM }));
    }
    return this;
  }

  may(actions: readonly string[], resources: string[]): this {
    this.role.addToPrincipalPolicy(new PolicyStatement({ actions: [...actions], resources }));
    return this;
  }

  private uses(bound: BoundTable, actions: readonly string[], resources = [bound.table.tableArn]): this {
    this.may(actions, resources);
    return this.set(bound.variable, bound.table.tableName);
  }
}

/** CDK falls back to a container only where `tryBundle` says no; a failed build throws before that. */
function bundled(entry: string): Code {
  return Code.fromAsset(repositoryRoot, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('none'),
      // Never run: CDK takes two builds of one folder for the same unless their commands differ.
      command: ['esbuild', entry],
      local: {
        tryBundle(folder) {
          bundleInto(folder, entry);
          return true;
        },
      },
    },
  });
}
