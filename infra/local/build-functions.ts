import { LocalFunction } from './functions.ts';
import type { Log } from './log.ts';
import { knownProperties } from './properties.ts';
import { StartError } from './start-error.ts';
import type { Resource, Template } from './template.ts';

interface FunctionProperties {
  Timeout?: number;
  MemorySize?: number;
  Environment?: { Variables?: Record<string, string> };
  Handler?: string;
}

/** What of a function has no meaning in a thread. */
const meaningless = [
  'Code',
  'Role',
  'Runtime',
  'Architectures',
  'Description',
  'FunctionName',
  'LoggingConfig',
  'TracingConfig',
  'EphemeralStorage',
  'KmsKeyArn',
  'ReservedConcurrentExecutions',
  'RuntimeManagementConfig',
  'RecursiveLoop',
];

/** @throws StartError where a function does not say which entry it is made of */
export function entryOf(resource: Resource): string {
  const entry = resource.metadata['rapport:entry'];
  if (typeof entry === 'string') return entry;
  throw new StartError(`${resource.label} has no metadata rapport:entry: the local stack cannot tell what to run`);
}

export interface Endpoints {
  region: string;
  dynamodb: string;
  /** DynamoDB for functions that insert many items in one call; as the others' where absent. */
  inserts?: string;
  /** S3. */
  objects: string;
  /** All other services. */
  services: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string | undefined };
  /** A path at which there is no file, so that nobody's own settings come in. */
  noFile: string;
}

export function buildFunctions(
  template: Template,
  bundles: ReadonlyMap<string, string>,
  worker: URL,
  endpoints: Endpoints,
  log: Log,
): Map<string, LocalFunction> {
  const functions = template.of('AWS::Lambda::Function').map((resource) => {
    const properties = knownProperties<FunctionProperties>(
      resource,
      ['Timeout', 'MemorySize', 'Environment', 'Handler'],
      meaningless,
    );
    const { Timeout = 3, MemorySize = 128 } = properties;
    const settings = {
      name: resource.name,
      arn: template.arn(resource),
      bundle: bundles.get(entryOf(resource)) ?? '',
      timeout: Timeout,
      memory: MemorySize,
      environment: environmentOf(resource, properties, {
        ...endpoints,
        dynamodb: (resource.metadata['rapport:inserts'] === true && endpoints.inserts) || endpoints.dynamodb,
      }),
    };
    return [resource.name, new LocalFunction(settings, worker, log)] as const;
  });
  return new Map(functions);
}

function environmentOf(
  { name }: Resource,
  properties: FunctionProperties,
  endpoints: Endpoints,
): Record<string, string> {
  const { region, dynamodb, objects, services, credentials, noFile } = endpoints;
  const own = Object.entries(properties.Environment?.Variables ?? {}).map(([key, value]) => [key, String(value)]);
  return {
    ...Object.fromEntries(own),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken ? { AWS_SESSION_TOKEN: credentials.sessionToken } : {}),
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(properties.MemorySize ?? 128),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    // The first is for services that the stack does not have: they fail here rather than call out.
    AWS_ENDPOINT_URL: services,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_S3: objects,
    AWS_ENDPOINT_URL_SQS: services,
    AWS_ENDPOINT_URL_EVENTBRIDGE: services,
    AWS_ENDPOINT_URL_SFN: services,
    AWS_ENDPOINT_URL_SESV2: services,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: noFile,
    AWS_SHARED_CREDENTIALS_FILE: noFile,
  };
}
