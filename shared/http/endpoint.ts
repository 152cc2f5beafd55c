import middy, { type MiddlewareObj } from '@middy/core';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { problemAnswer, reportedProblem } from './problem-answer.ts';
import { type HttpAnswer, type HttpRequest, refuseEncodedBody, requestOf } from './request.ts';

type Result = APIGatewayProxyStructuredResultV2;
type Door = MiddlewareObj<APIGatewayProxyEventV2, Result>;

/**
 * A Lambda handler from a function of one request. Whatever is thrown becomes a problem answer; failures of our own
 * (500 and above) leave one log line without personal data.
 */
export function endpoint(
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
): (event: APIGatewayProxyEventV2, context: Context) => Promise<Result> {
  return middy<APIGatewayProxyEventV2, Result>({ timeoutEarlyInMillis: 200 })
    .use(safeHeaders)
    .use(problems)
    .handler(async (event, context) => {
      const request = requestOf(event, context);
      refuseEncodedBody(request);
      return resultOf(await handle(request), request.id);
    });
}

const problems: Door = {
  onError: (request) => {
    const requestId = request.event.requestContext.requestId;
    const problem = reportedProblem(request.error, { id: requestId, routeKey: request.event.routeKey });
    request.response = resultOf(problemAnswer(problem, requestId), requestId);
  },
};

const always = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

function addSafeHeaders({ response }: { response: Result | null }): void {
  if (response) response.headers = { ...always, ...response.headers };
}

const safeHeaders: Door = { after: addSafeHeaders, onError: addSafeHeaders };

function resultOf({ status, body, text, headers }: HttpAnswer, requestId: string): Result {
  return {
    statusCode: status,
    headers: {
      'x-request-id': requestId,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(text !== undefined && { body: text }),
  };
}
