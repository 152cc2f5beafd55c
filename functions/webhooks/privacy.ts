import { accessOf, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { ErasureMessage } from '../../shared/contracts/privacy.ts';
import type { Client } from '../../shared/dynamodb/client.ts';
import { PrivacyRequestStore } from '../../shared/dynamodb/privacy-request-store.ts';
import { switchOffSource } from '../../shared/dynamodb/source-store.ts';
import type { PrivacyRequests } from '../../shared/engine/privacy-desk.ts';
import { storeUnavailable } from '../../shared/engine/problem.ts';

const queue = jsonCaller('sqs', accessOf('sqs', process.env), {
  maxAttempts: 2,
  connectionTimeout: 500,
  requestTimeout: 1_000,
  firstPause: 100,
});

/** Requests for persons' rights that come by webhook. */
export function privacyRequests(client: Client, registry: string): PrivacyRequests {
  const store = new PrivacyRequestStore(client, registry);
  return {
    open: (request) => store.open(request),
    async handOver(requestId) {
      const QueueUrl = readVariables(process.env, [variables.erasureQueue]).ERASURE_QUEUE_URL;
      const message: ErasureMessage = { requestId };
      try {
        await queue.call('AmazonSQS.SendMessage', { QueueUrl, MessageBody: JSON.stringify(message) });
      } catch (error) {
        throw storeUnavailable(error);
      }
    },
    switchOff: (sourceId, at, upTo) => switchOffSource(client, registry, { sourceId, at, upTo }),
  };
}
