import { StartError } from './start-error.ts';

/** One stack of the cloud assembly. */
export interface StackTemplate {
  stackName: string;
  template: {
    Resources?: Record<string, RawResource>;
    Outputs?: Record<string, { Value: unknown; Export?: { Name: unknown } }>;
    Parameters?: Record<string, { Default?: unknown }>;
    Mappings?: Record<string, Record<string, Record<string, unknown>>>;
    Conditions?: Record<string, unknown>;
  };
}

interface RawResource {
  Type: string;
  Properties?: Record<string, unknown>;
  Metadata?: Record<string, unknown>;
  Condition?: string;
}

/** A resource that runs, under the name by which the others refer to it. */
export interface Resource {
  type: string;
  stackName: string;
  logicalId: string;
  /** Stack and logical id, for messages. */
  label: string;
  /** The physical name: the one that the template gives, or else one made of stack and logical id. */
  name: string;
  metadata: Record<string, unknown>;
  /** Properties with every reference resolved; resolved when it is called. */
  properties(): Record<string, unknown>;
}

export interface Place {
  region: string;
  account: string;
  /** Base address of the local services, which queue addresses begin with. */
  servicesUrl: string;
  /** Base address of the HTTP API. */
  apiUrl: string;
}

/** Types that mean nothing while the app runs on one machine: rights, observation, archives, deployment. */
const withoutRunTimeMeaning = new Set([
  'AWS::IAM::Role',
  'AWS::IAM::Policy',
  'AWS::IAM::ManagedPolicy',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::ResourcePolicy',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SNS::Subscription',
  'AWS::S3::BucketPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Lambda::Permission',
  'AWS::Events::Archive',
  'AWS::Events::EventBusPolicy',
  'AWS::Scheduler::ScheduleGroup',
  'AWS::ApiGatewayV2::Deployment',
  'AWS::KMS::Key',
  'AWS::KMS::Alias',
  'AWS::CDK::Metadata',
]);

/** Types that the local stack runs, with the property that names them. */
const run: Record<string, string | undefined> = {
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Lambda::EventSourceMapping': undefined,
  'AWS::ApiGatewayV2::Api': undefined,
  'AWS::ApiGatewayV2::Stage': undefined,
  'AWS::ApiGatewayV2::Route': undefined,
  'AWS::ApiGatewayV2::Integration': undefined,
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::Events::EventBus': 'Name',
  'AWS::Events::Rule': 'Name',
  'AWS::Scheduler::Schedule': 'Name',
  'AWS::StepFunctions::StateMachine': 'StateMachineName',
};

/**
 * The templates of all stacks as one: resources by type, and references between them resolved to local names, ARNs and
 * addresses. What a reference gives may become known late (the ARN of a table's stream): see {@link setAttribute}.
 */
export class Template {
  readonly #place: Place;
  readonly #stacks: readonly StackTemplate[];
  readonly #attributes = new Map<string, string>();
  readonly #exports = new Map<string, { stack: StackTemplate; value: unknown }>();
  readonly #resources: Resource[] = [];

  /** @throws StartError naming each resource that neither runs locally nor is known to mean nothing there */
  constructor(stacks: readonly StackTemplate[], place: Place) {
    this.#stacks = stacks;
    this.#place = place;
    const unknown: string[] = [];
    for (const stack of stacks) {
      for (const [logicalId, raw] of Object.entries(stack.template.Resources ?? {})) {
        if (raw.Condition && this.#resolve({ Condition: raw.Condition }, stack) === false) continue;
        if (raw.Type in run) this.#resources.push(this.#resource(stack, logicalId, raw));
        else if (!withoutRunTimeMeaning.has(raw.Type)) unknown.push(`${stack.stackName}/${logicalId} (${raw.Type})`);
      }
      for (const { Value, Export } of Object.values(stack.template.Outputs ?? {}))
        if (Export) this.#exports.set(String(this.#resolve(Export.Name, stack)), { stack, value: Value });
    }
    if (unknown.length > 0) throw new StartError(`the local stack does not know how to run ${unknown.join(', ')}`);
  }

  of(type: string): Resource[] {
    return this.#resources.filter((resource) => resource.type === type);
  }

  /** The resource of a type by the ARN, address or name that a property refers to it with. */
  find(type: string, reference: string): Resource | undefined {
    const wanted = reference.replace(/:(\$LATEST|live)$/, '');
    return this.of(type).find((resource) => {
      const arn = this.arn(resource);
      return wanted === arn || wanted === resource.name || wanted === this.#reference(resource);
    });
  }

  arn({ type, name }: Pick<Resource, 'type' | 'name'>): string {
    const { region, account } = this.#place;
    const kinds: Record<string, string> = {
      'AWS::DynamoDB::Table': 'dynamodb:R:A:table/',
      'AWS::Lambda::Function': 'lambda:R:A:function:',
      'AWS::S3::Bucket': 's3:::',
      'AWS::SQS::Queue': 'sqs:R:A:',
      'AWS::SNS::Topic': 'sns:R:A:',
      'AWS::Events::EventBus': 'events:R:A:event-bus/',
      'AWS::Events::Rule': 'events:R:A:rule/',
      'AWS::Events::Archive': 'events:R:A:archive/',
      'AWS::StepFunctions::StateMachine': 'states:R:A:stateMachine:',
      'AWS::Scheduler::Schedule': 'scheduler:R:A:schedule/default/',
      'AWS::Logs::LogGroup': 'logs:R:A:log-group:',
      'AWS::IAM::Role': 'iam::A:role/',
    };
    const kind = kinds[type] ?? `local:R:A:${type}/`;
    return `arn:aws:${kind.replace(':R:', `:${region}:`).replace(':A:', `:${account}:`)}${name}`;
  }

  queueUrl(name: string): string {
    return `${this.#place.servicesUrl}/${this.#place.account}/${name}`;
  }

  setAttribute(resource: Resource, attribute: string, value: string): void {
    this.#attributes.set(`${resource.label}.${attribute}`, value);
  }

  #resource(stack: StackTemplate, logicalId: string, raw: RawResource): Resource {
    return {
      type: raw.Type,
      stackName: stack.stackName,
      logicalId,
      label: `${stack.stackName}/${logicalId}`,
      name: this.#name(stack, logicalId, raw),
      metadata: raw.Metadata ?? {},
      properties: () => this.#resolve(raw.Properties ?? {}, stack) as Record<string, unknown>,
    };
  }

  #name(stack: StackTemplate, logicalId: string, raw: RawResource): string {
    const property = run[raw.Type];
    const given = property === undefined ? undefined : raw.Properties?.[property];
    return given === undefined ? `${stack.stackName}-${logicalId}` : String(this.#resolve(given, stack));
  }

  #reference({ type, name }: Pick<Resource, 'type' | 'name'>): string {
    if (type === 'AWS::SQS::Queue') return this.queueUrl(name);
    return type === 'AWS::StepFunctions::StateMachine' || type === 'AWS::SNS::Topic' ? this.arn({ type, name }) : name;
  }

  #resolve(value: unknown, stack: StackTemplate): unknown {
    if (Array.isArray(value)) return value.map((element) => this.#resolve(element, stack)).filter((v) => v !== noValue);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [key = '', argument] = entries[0] ?? [];
    if (entries.length === 1 && (key === 'Ref' || key === 'Condition' || key.startsWith('Fn::')))
      if (key !== 'Condition' || typeof argument === 'string') return this.#intrinsic(key, argument, stack);
    return Object.fromEntries(
      entries.map(([name, inner]) => [name, this.#resolve(inner, stack)]).filter(([, inner]) => inner !== noValue),
    );
  }

  #intrinsic(name: string, argument: unknown, stack: StackTemplate): unknown {
    const resolve = (value: unknown) => this.#resolve(value, stack);
    const list = () => resolve(argument) as unknown[];
    switch (name) {
      case 'Ref':
        return this.#ref(String(argument), stack);
      case 'Fn::GetAtt': {
        const [id = '', ...attribute] = Array.isArray(argument) ? argument.map(String) : String(argument).split('.');
        return this.#attribute(id, attribute.join('.'), stack);
      }
      case 'Fn::Join': {
        const [separator, parts] = list() as [string, unknown[]];
        return parts.map(String).join(separator);
      }
      case 'Fn::Sub':
        return this.#substitute(argument, stack);
      case 'Fn::Select': {
        const [index, from] = list() as [number | string, unknown[]];
        return from[Number(index)];
      }
      case 'Fn::Split': {
        const [separator, text] = list() as [string, string];
        return text.split(separator);
      }
      case 'Fn::ImportValue': {
        const found = this.#exports.get(String(resolve(argument)));
        if (!found) throw new StartError(`no stack exports ${String(resolve(argument))}`);
        return this.#resolve(found.value, found.stack);
      }
      case 'Fn::GetStackOutput':
        return this.#stackOutput(resolve(argument));
      case 'Fn::FindInMap': {
        const [map = '', first = '', second = ''] = list().map(String);
        return stack.template.Mappings?.[map]?.[first]?.[second];
      }
      case 'Fn::If': {
        const [condition, yes, no] = argument as [string, unknown, unknown];
        return resolve(this.#intrinsic('Condition', condition, stack) ? yes : no);
      }
      case 'Condition':
        return resolve(stack.template.Conditions?.[String(argument)] ?? true);
      case 'Fn::Equals': {
        const [left, right] = list();
        return left === right;
      }
      case 'Fn::Not':
        return list()[0] !== true;
      case 'Fn::And':
        return list().every((part) => part === true);
      case 'Fn::Or':
        return list().some((part) => part === true);
      case 'Fn::GetAZs':
        return [`${this.#place.region}a`];
      default:
        throw new StartError(`the local stack cannot resolve ${name} in ${stack.stackName}`);
    }
  }

  #ref(id: string, stack: StackTemplate): unknown {
    const pseudo: Record<string, unknown> = {
      'AWS::Region': this.#place.region,
      'AWS::AccountId': this.#place.account,
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': stack.stackName,
      'AWS::StackId': `arn:aws:cloudformation:${this.#place.region}:${this.#place.account}:stack/${stack.stackName}/local`,
      'AWS::NoValue': noValue,
    };
    if (id in pseudo) return pseudo[id];
    const raw = stack.template.Resources?.[id];
    if (raw) return this.#reference({ type: raw.Type, name: this.#name(stack, id, raw) });
    const parameter = stack.template.Parameters?.[id];
    if (parameter?.Default !== undefined) return parameter.Default;
    throw new StartError(`${stack.stackName} refers to ${id}, which is not there or has no default`);
  }

  #attribute(id: string, attribute: string, stack: StackTemplate): string {
    const late = this.#attributes.get(`${stack.stackName}/${id}.${attribute}`);
    if (late !== undefined) return late;
    const raw = stack.template.Resources?.[id];
    if (!raw) throw new StartError(`${stack.stackName} refers to ${id}, which is not there`);
    const name = this.#name(stack, id, raw);
    if (attribute === 'Arn' || attribute === 'TopicArn') return this.arn({ type: raw.Type, name });
    if (attribute === 'QueueUrl') return this.queueUrl(name);
    if (attribute === 'ApiEndpoint') return this.#place.apiUrl;
    if (/Name$/.test(attribute)) return name;
    if (attribute === 'ApiId' || attribute === 'RoleId') return name;
    throw new StartError(`the local stack does not know ${attribute} of ${stack.stackName}/${id} (${raw.Type})`);
  }

  #substitute(argument: unknown, stack: StackTemplate): string {
    const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
    return String(text).replace(/\$\{(!?)([^}]+)\}/g, (_whole, literal: string, name: string) => {
      if (literal) return `\${${name}}`;
      if (Object.hasOwn(variables, name)) return String(this.#resolve(variables[name], stack));
      const [id = '', ...attribute] = name.split('.');
      return String(attribute.length > 0 ? this.#attribute(id, attribute.join('.'), stack) : this.#ref(id, stack));
    });
  }

  #stackOutput(argument: unknown): unknown {
    const { StackName, OutputName } = argument as { StackName: string; OutputName: string };
    const name = StackName.split('/')[1] ?? StackName;
    const stack = this.#stacks.find(({ stackName }) => stackName === name || stackName === StackName);
    const output = stack?.template.Outputs?.[OutputName];
    if (!stack || !output) throw new StartError(`there is no output ${OutputName} of ${StackName}`);
    return this.#resolve(output.Value, stack);
  }
}

const noValue = Symbol('AWS::NoValue');
