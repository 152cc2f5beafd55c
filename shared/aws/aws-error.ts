import type { Exchanged } from './exchange.ts';

/** Throttling in the words of the services, and what else passes although its status is 400. */
const passing = new Set([
  'BandwidthLimitExceeded',
  'LimitExceededException',
  'PriorRequestNotComplete',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestTimeout',
  'RequestTimeoutException',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingError',
  'ThrottlingException',
  'TooManyRequestsException',
  'TransactionInProgressException',
]);

interface Said {
  status: number;
  passing: boolean;
  code?: string | undefined;
  explanation?: string;
  fields?: Record<string, unknown>;
  cause?: unknown;
}

/**
 * A call that failed. `name` is the type that the service gives, without its namespace (`ConditionalCheckFailedException`),
 * or `NoAnswer`. What the service said beside its type may quote what it was sent: it is in no message, and no log that
 * shows an error with its properties shows it.
 */
export class AwsError extends Error {
  /** 0 where there was no answer. */
  readonly status: number;
  /** Whether the same call may succeed when it is made again. */
  readonly passing: boolean;
  /** Of the network, where there was no answer: `ECONNREFUSED`. */
  readonly code: string | undefined;
  readonly #explanation: string;
  readonly #fields: Record<string, unknown>;

  constructor(name: string, target: string, { status, passing, code, explanation, fields, cause }: Said) {
    super(`${target}: ${name} (${code ?? status})`, cause === undefined ? undefined : { cause });
    this.name = name;
    this.status = status;
    this.passing = passing;
    this.code = code;
    this.#explanation = explanation ?? name;
    this.#fields = fields ?? {};
  }

  /** In the service's own words. */
  get explanation(): string {
    return this.#explanation;
  }

  /** All that the service answered, as `CancellationReasons`. */
  get fields(): Record<string, unknown> {
    return this.#fields;
  }
}

/** @param cause the network's error, or a code of its kind (`ETIMEDOUT`) */
export function noAnswer(target: string, cause: Error | string): AwsError {
  const code = typeof cause === 'string' ? cause : (cause as NodeJS.ErrnoException).code;
  return new AwsError('NoAnswer', target, { status: 0, passing: true, code, ...(code !== cause && { cause }) });
}

/** Calls that are answered with nothing. Everywhere else an answer without JSON was cut off on its way. */
const silent = new Set(['AmazonSQS.ChangeMessageVisibility']);

/**
 * What an answer holds.
 * @throws AwsError where it is none of success
 */
export function answered(target: string, { status, headers, body }: Exchanged): unknown {
  const content = parsed(body.toString('utf8'));
  if (status === 200 && (content || silent.has(target))) return content ?? {};
  if (status === 200) throw noAnswer(target, 'EBADMSG');
  const fields = content ?? {};
  const type = textOf(fields.__type) ?? textOf(headers['x-amzn-errortype']) ?? textOf(fields.code) ?? 'Unknown';
  // `com.amazonaws.dynamodb.v20120810#ValidationException`, `ValidationException:http://internal.amazon.com/…`
  const name = type.replace(/^.*#/, '').replace(/:.*$/, '');
  throw new AwsError(name, target, {
    status,
    passing: status >= 500 || status === 429 || passing.has(name),
    explanation: String(fields.message ?? fields.Message ?? name),
    fields,
  });
}

/** What a service that speaks XML failed with: `<Error><Code>SlowDown</Code><Message>…</Message></Error>`. */
export function failedInXml(target: string, { status, body }: Exchanged): AwsError {
  const text = body.subarray(0, 4_096).toString('utf8');
  const name = /<Code>(\w{1,100})<\/Code>/.exec(text)?.[1] ?? 'Unknown';
  const explanation = /<Message>([^<]*)<\/Message>/.exec(text)?.[1];
  return new AwsError(name, target, {
    status,
    passing: status >= 500 || status === 429 || passing.has(name),
    ...(explanation && { explanation }),
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const content: unknown = JSON.parse(text);
    return typeof content === 'object' && content !== null ? (content as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
