/** The routes of the HTTP API: infra lays them out, the functions answer them, the OpenAPI document lists them. */
export type Workload = 'webhooks' | 'api';
export type Method = 'GET' | 'PUT' | 'POST' | 'DELETE' | 'PATCH';

export const routes = [
  { method: 'GET', path: '/health', workload: 'api' },
  { method: 'GET', path: '/openapi.json', workload: 'api' },
  { method: 'POST', path: '/v1/webhooks/{sourceId}', workload: 'webhooks' },
  { method: 'GET', path: '/v1/webhooks/{sourceId}', workload: 'webhooks' },
  { method: 'GET', path: '/v1/sources', workload: 'api' },
  { method: 'PUT', path: '/v1/sources/{sourceId}', workload: 'api' },
  { method: 'GET', path: '/v1/sources/{sourceId}', workload: 'api' },
  { method: 'POST', path: '/v1/sources/{sourceId}/reconciliations', workload: 'api' },
  { method: 'GET', path: '/v1/sources/{sourceId}/reconciliations', workload: 'api' },
  { method: 'GET', path: '/v1/sources/{sourceId}/reconciliations/{reconciliationId}', workload: 'api' },
  { method: 'DELETE', path: '/v1/sources/{sourceId}/reconciliations/{reconciliationId}', workload: 'api' },
  { method: 'GET', path: '/v1/sources/{sourceId}/health', workload: 'api' },
  { method: 'GET', path: '/v1/deliveries', workload: 'api' },
  { method: 'GET', path: '/v1/deliveries/{deliveryId}', workload: 'api' },
  { method: 'POST', path: '/v1/deliveries/replay', workload: 'api' },
  { method: 'POST', path: '/v1/deliveries/{deliveryId}/replay', workload: 'api' },
  { method: 'GET', path: '/v1/customers', workload: 'api' },
  { method: 'GET', path: '/v1/customers/{customerId}', workload: 'api' },
  { method: 'GET', path: '/v1/customers/{customerId}/interactions', workload: 'api' },
  { method: 'GET', path: '/v1/customers/{customerId}/value', workload: 'api' },
  { method: 'GET', path: '/v1/customers/{customerId}/value/history', workload: 'api' },
  { method: 'GET', path: '/v1/customers/{customerId}/merges', workload: 'api' },
  { method: 'POST', path: '/v1/customers/{customerId}/merge', workload: 'api' },
  { method: 'POST', path: '/v1/customers/{customerId}/unmerge', workload: 'api' },
  { method: 'GET', path: '/v1/merge-suggestions', workload: 'api' },
  { method: 'DELETE', path: '/v1/merge-suggestions/{suggestionId}', workload: 'api' },
  { method: 'POST', path: '/v1/interactions', workload: 'api' },
  { method: 'GET', path: '/v1/imports', workload: 'api' },
  { method: 'POST', path: '/v1/imports', workload: 'api' },
  { method: 'GET', path: '/v1/imports/{importId}', workload: 'api' },
  { method: 'DELETE', path: '/v1/imports/{importId}', workload: 'api' },
  { method: 'PUT', path: '/v1/imports/{importId}/parts/{part}', workload: 'api' },
  { method: 'POST', path: '/v1/imports/{importId}/finish', workload: 'api' },
  { method: 'GET', path: '/v1/imports/{importId}/errors', workload: 'api' },
  { method: 'GET', path: '/v1/value-runs', workload: 'api' },
  { method: 'POST', path: '/v1/value-runs', workload: 'api' },
  { method: 'GET', path: '/v1/value-runs/{runId}', workload: 'api' },
  { method: 'POST', path: '/v1/value-runs/{runId}/replay', workload: 'api' },
  { method: 'GET', path: '/v1/value-runs/{runId}/differences', workload: 'api' },
  { method: 'GET', path: '/v1/tier-policy', workload: 'api' },
  { method: 'PUT', path: '/v1/tier-policy', workload: 'api' },
  { method: 'POST', path: '/v1/tier-policy/publish', workload: 'api' },
  { method: 'POST', path: '/v1/tier-policy/preview', workload: 'api' },
  { method: 'PUT', path: '/v1/exchange-rates', workload: 'api' },
  { method: 'GET', path: '/v1/exchange-rates', workload: 'api' },
  { method: 'GET', path: '/v1/outreach-jobs', workload: 'api' },
  { method: 'GET', path: '/v1/privacy-requests', workload: 'api' },
  { method: 'POST', path: '/v1/privacy-requests', workload: 'api' },
  { method: 'GET', path: '/v1/privacy-requests/{requestId}', workload: 'api' },
  { method: 'GET', path: '/v1/privacy-requests/{requestId}/export', workload: 'api' },
  { method: 'GET', path: '/v1/keys', workload: 'api' },
  { method: 'POST', path: '/v1/keys', workload: 'api' },
  { method: 'DELETE', path: '/v1/keys/{keyId}', workload: 'api' },
  { method: 'GET', path: '/v1/test-clock', workload: 'api' },
  { method: 'PUT', path: '/v1/test-clock', workload: 'api' },
  { method: 'DELETE', path: '/v1/test-clock', workload: 'api' },
] as const satisfies readonly { method: Method; path: string; workload: Workload }[];

/** The routes that move the clock of a test stage: what was accepted before belongs to the time before. */
export const clockRoutes: readonly string[] = ['PUT /v1/test-clock', 'DELETE /v1/test-clock'];

type Route = (typeof routes)[number];
/** As API Gateway writes it in `routeKey`: `GET /v1/customers/{customerId}`. */
export type RouteKey<R extends Route = Route> = R extends Route ? `${R['method']} ${R['path']}` : never;
