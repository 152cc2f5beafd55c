import type { Credentials } from 'aws4';
import { answered } from './aws-error.ts';
import { exchanger, type Patience, repeated } from './exchange.ts';

export type { Patience } from './exchange.ts';

/** Where a service answers, and as whom it is called. */
export interface Access {
  /** `https://dynamodb.eu-west-1.amazonaws.com` */
  url: string;
  region: string;
  /** Asked at each attempt. */
  credentials(): Credentials;
}

/**
 * @param target as `X-Amz-Target` names it: `DynamoDB_20120810.GetItem`
 * @throws AwsError
 */
export type JsonCall = <Answer>(target: string, input: object) => Promise<Answer>;

export interface JsonCaller {
  call: JsonCall;
  /** Ends all connections. */
  close(): void;
}

/** A batch of DynamoDB reads holds 16 MB of values, for which their names, types and escapes leave room. */
const largestAnswer = 64_000_000;

/**
 * Signed calls (Signature Version 4) of a service that speaks the protocol AWS JSON 1.0. What passes (no answer, faults of
 * the service, throttling) is tried again after a wait with full jitter; the body of all attempts is the same.
 */
export function jsonCaller(service: string, access: Access, patience: Patience): JsonCaller {
  const { exchange, close } = exchanger(service, access, { ...patience, largestAnswer });
  return {
    close,
    call<Answer>(target: string, input: object) {
      const body = JSON.stringify(input);
      const headers = { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': target };
      return repeated(patience, async () => {
        const answer = await exchange({ target, method: 'POST', path: '', headers, body });
        return answered(target, answer) as Answer;
      });
    },
  };
}

/**
 * As a Lambda function's environment says: region and credentials, and `AWS_ENDPOINT_URL_<SERVICE>` or `AWS_ENDPOINT_URL`
 * where somebody else than AWS answers.
 * @throws Error where the environment lacks the region, or at a call the credentials
 */
export function accessOf(service: string, environment: Record<string, string | undefined>): Access {
  const { AWS_REGION: region } = environment;
  if (!region) throw new Error('environment lacks AWS_REGION');
  const endpoint = environment[`AWS_ENDPOINT_URL_${service.toUpperCase()}`] || environment.AWS_ENDPOINT_URL;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return {
    url: endpoint || `https://${service}.${region}.${domain}`,
    region,
    credentials() {
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
      const sessionToken = environment.AWS_SESSION_TOKEN;
      if (!accessKeyId || !secretAccessKey)
        throw new Error('environment lacks AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY');
      return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
    },
  };
}
