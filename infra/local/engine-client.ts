import { type Access, type JsonCaller, jsonCaller } from '../../shared/aws/json-call.ts';

export interface EngineAddress extends Pick<Access, 'url' | 'region'> {
  credentials: ReturnType<Access['credentials']>;
}

/**
 * Calls DynamoDB and its streams as they are on the wire: a stream record in that form is, field by field, what a Lambda
 * function is given, so nothing has to be taken apart and put together again.
 */
export function engineClient({ credentials, ...engine }: EngineAddress): JsonCaller {
  // Whoever calls the engine from here tries again as it needs to.
  const patience = { requestTimeout: 15_000, connectionTimeout: 15_000, maxAttempts: 1, firstPause: 0 };
  return jsonCaller('dynamodb', { ...engine, credentials: () => credentials }, patience);
}
