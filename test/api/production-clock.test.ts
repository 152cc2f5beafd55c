import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ApiDoor, openApi } from './door.ts';

let api: ApiDoor;
beforeAll(async () => {
  api = await openApi({ TEST_STAGE: 'false' });
});
afterAll(() => api.stop());

test.each([
  ['GET /v1/test-clock', undefined],
  ['PUT /v1/test-clock', { now: '2190-01-01T00:00:00Z' }],
  ['DELETE /v1/test-clock', undefined],
])('%s is refused where the stage is no test stage', async (routeKey, body) => {
  const answer = await api.call(routeKey, { ...(body && { body }) });
  expect([answer.status, answer.body.code]).toEqual([403, 'not_a_test_stage']);
});
