import http from 'node:http';
import https from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { urlToHttpOptions } from 'node:url';
import aws4, { type Credentials } from 'aws4';
import { AwsError, answered, noAnswer } from './aws-error.ts';

/** Where a service answers, and as whom it is called. */
export interface Access {
  /** `https://dynamodb.eu-west-1.amazonaws.com` */
  url: string;
  region: string;
  /** Asked at each attempt. */
  credentials(): Credentials;
}

/** Times in milliseconds. */
export interface Patience {
  /** Until the whole answer to one attempt is there. */
  requestTimeout: number;
  /** Until a new connection of one attempt is there. */
  connectionTimeout: number;
  maxAttempts: number;
  /** The first wait between attempts is up to this long, each further one up to twice as long as the one before. */
  firstPause: number;
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

const longestPause = 5_000;
/** A batch of DynamoDB reads holds 16 MB of values, for which their names, types and escapes leave room. */
const largestAnswer = 64_000_000;

/**
 * Signed calls (Signature Version 4) of a service that speaks the protocol AWS JSON 1.0. What passes (no answer, faults of
 * the service, throttling) is tried again after a wait with full jitter; the body of all attempts is the same.
 */
export function jsonCaller(service: string, access: Access, patience: Patience): JsonCaller {
  const url = new URL(access.url);
  const protocol = url.protocol === 'https:' ? https : http;
  const agent = new protocol.Agent({ keepAlive: true, maxSockets: 50 });
  const place = { ...urlToHttpOptions(url), agent, method: 'POST' };

  async function call<Answer>(target: string, input: object): Promise<Answer> {
    const body = JSON.stringify(input);
    for (let attempt = 1; ; attempt++) {
      try {
        return (await attemptOf(target, body)) as Answer;
      } catch (error) {
        if (!(error instanceof AwsError && error.passing) || attempt >= patience.maxAttempts) throw error;
      }
      await wait(Math.random() * Math.min(longestPause, patience.firstPause * 2 ** (attempt - 1)));
    }
  }

  function attemptOf(target: string, body: string): Promise<unknown> {
    const headers = signed(target, body);
    return new Promise((resolve, reject) => {
      const request = protocol.request({ ...place, headers });
      const end = setTimeout(() => giveUp('ETIMEDOUT'), patience.requestTimeout);
      const giveUp = (cause: Error | string) => {
        clearTimeout(end);
        reject(noAnswer(target, cause));
        request.destroy();
      };
      request.on('error', giveUp);
      request.once('socket', (socket) => {
        if (!socket.connecting) return;
        const connecting = setTimeout(() => giveUp('ETIMEDOUT'), patience.connectionTimeout);
        socket.once(protocol === https ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
        socket.once('close', () => clearTimeout(connecting));
      });
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > largestAnswer) giveUp('EMSGSIZE');
          else chunks.push(chunk);
        });
        response.on('error', giveUp);
        response.once('end', () => {
          clearTimeout(end);
          try {
            resolve(answered(target, response, Buffer.concat(chunks).toString('utf8')));
          } catch (error) {
            reject(error);
          }
        });
      });
      request.end(body);
    });
  }

  function signed(target: string, body: string) {
    const headers = { Host: url.host, 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': target };
    const { region } = access;
    return aws4.sign({ method: 'POST', path: place.path ?? '/', service, region, headers, body }, access.credentials())
      .headers;
  }

  return { call, close: () => agent.destroy() };
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
