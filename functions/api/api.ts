import { SFNClient } from '@aws-sdk/client-sfn';
import { accessOf, type JsonCaller, jsonCaller } from '../../shared/aws/json-call.ts';
import { readVariables, variables } from '../../shared/contracts/environment.ts';
import type { RouteKey, routes } from '../../shared/contracts/routes.ts';
import type { NightSchedule } from '../../shared/contracts/schedule.ts';
import { findKey } from '../../shared/dynamodb/api-key-store.ts';
import { connect, type TableNames } from '../../shared/dynamodb/client.ts';
import { readClock } from '../../shared/dynamodb/clock.ts';
import { claim, drop, finish, keep } from '../../shared/dynamodb/idempotency-store.ts';
import { countRequest } from '../../shared/dynamodb/rate-store.ts';
import { readSettings, type Settings } from '../../shared/dynamodb/settings.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { authenticate, requireScope } from '../../shared/http/credentials.ts';
import { endpoint } from '../../shared/http/endpoint.ts';
import { type IdempotencyStore, once } from '../../shared/http/idempotency.ts';
import { problemAnswer, reportedProblem } from '../../shared/http/problem-answer.ts';
import { countAgainstLimit } from '../../shared/http/rate-limit.ts';
import type { HttpAnswer, HttpRequest } from '../../shared/http/request.ts';
import type { Route } from '../../shared/http/route.ts';
import { showBacktest, showBacktests, startBacktest } from './backtests.ts';
import { findCustomers, showCustomer, showInteractions } from './customers.ts';
import { showDeliveries, showDelivery } from './deliveries.ts';
import type { Door } from './door.ts';
import { replaceRates, showRates } from './exchange-rates.ts';
import { showHealth } from './health.ts';
import { dropImport, finishImport, makeImport, putPart, showErrors, showImport, showImports } from './imports.ts';
import { reportInteractions } from './interactions.ts';
import { dropKey, makeKey, showKeys } from './keys.ts';
import { dropSuggestion, mergeInto, showMerges, showSuggestions, unmerge } from './merges.ts';
import { showDocument } from './openapi.ts';
import { showOutreachJobs } from './outreach-jobs.ts';
import { exportPerson, makePrivacyRequest, showPrivacyRequest, showPrivacyRequests } from './privacy-requests.ts';
import {
  cancelReconciliation,
  showReconciliation,
  showReconciliations,
  startReconciliation,
} from './reconciliations.ts';
import { previewDraft, replayRun, showDifferences } from './rehearsals.ts';
import { replayDeliveries, replayDelivery } from './replays.ts';
import { showConcentration, showRepeatPurchases, showRetention, showTierMigration } from './reports.ts';
import { showSourceHealth } from './source-health.ts';
import { replaceSource, showSource, showSources } from './sources.ts';
import { moveClock, showClock, unsetClock } from './test-clock.ts';
import { publishDraft, replaceDraft, showTierPolicy } from './tier-policy.ts';
import { showValue, showValueHistory, showValueRun, showValueRuns, startValueRun } from './value-runs.ts';

type ApiRoute = Extract<(typeof routes)[number], { workload: 'api' }>;

import { readJson } from '../../shared/http/json.ts';
import { outbound } from '../../shared/storefronts/outbound.ts';

const table: Record<RouteKey<ApiRoute>, Route<Door>> = {
  'GET /health': showHealth,
  'GET /openapi.json': showDocument(() => table),
  'GET /v1/sources': showSources,
  'PUT /v1/sources/{sourceId}': replaceSource,
  'GET /v1/sources/{sourceId}': showSource,
  'POST /v1/sources/{sourceId}/reconciliations': startReconciliation,
  'GET /v1/sources/{sourceId}/reconciliations': showReconciliations,
  'GET /v1/sources/{sourceId}/reconciliations/{reconciliationId}': showReconciliation,
  'DELETE /v1/sources/{sourceId}/reconciliations/{reconciliationId}': cancelReconciliation,
  'GET /v1/deliveries': showDeliveries,
  'GET /v1/sources/{sourceId}/health': showSourceHealth,
  'GET /v1/deliveries/{deliveryId}': showDelivery,
  'POST /v1/deliveries/replay': replayDeliveries,
  'POST /v1/deliveries/{deliveryId}/replay': replayDelivery,
  'GET /v1/customers': findCustomers,
  'GET /v1/customers/{customerId}': showCustomer,
  'GET /v1/customers/{customerId}/interactions': showInteractions,
  'GET /v1/customers/{customerId}/value': showValue,
  'GET /v1/customers/{customerId}/value/history': showValueHistory,
  'GET /v1/customers/{customerId}/merges': showMerges,
  'POST /v1/customers/{customerId}/merge': mergeInto,
  'POST /v1/customers/{customerId}/unmerge': unmerge,
  'GET /v1/merge-suggestions': showSuggestions,
  'DELETE /v1/merge-suggestions/{suggestionId}': dropSuggestion,
  'POST /v1/interactions': reportInteractions,
  'GET /v1/imports': showImports,
  'POST /v1/imports': makeImport,
  'GET /v1/imports/{importId}': showImport,
  'DELETE /v1/imports/{importId}': dropImport,
  'PUT /v1/imports/{importId}/parts/{part}': putPart,
  'POST /v1/imports/{importId}/finish': finishImport,
  'GET /v1/imports/{importId}/errors': showErrors,
  'GET /v1/value-runs': showValueRuns,
  'POST /v1/value-runs': startValueRun,
  'GET /v1/value-runs/{runId}': showValueRun,
  'POST /v1/value-runs/{runId}/replay': replayRun,
  'GET /v1/value-runs/{runId}/differences': showDifferences,
  'GET /v1/backtests': showBacktests,
  'POST /v1/backtests': startBacktest,
  'GET /v1/backtests/{backtestId}': showBacktest,
  'GET /v1/reports/retention': showRetention,
  'GET /v1/reports/repeat-purchases': showRepeatPurchases,
  'GET /v1/reports/concentration': showConcentration,
  'GET /v1/reports/tier-migration': showTierMigration,
  'GET /v1/tier-policy': showTierPolicy,
  'PUT /v1/tier-policy': replaceDraft,
  'POST /v1/tier-policy/publish': publishDraft,
  'POST /v1/tier-policy/preview': previewDraft,
  'PUT /v1/exchange-rates': replaceRates,
  'GET /v1/exchange-rates': showRates,
  'GET /v1/outreach-jobs': showOutreachJobs,
  'GET /v1/privacy-requests': showPrivacyRequests,
  'POST /v1/privacy-requests': makePrivacyRequest,
  'GET /v1/privacy-requests/{requestId}': showPrivacyRequest,
  'GET /v1/privacy-requests/{requestId}/export': exportPerson,
  'GET /v1/keys': showKeys,
  'POST /v1/keys': makeKey,
  'DELETE /v1/keys/{keyId}': dropKey,
  'GET /v1/test-clock': showClock,
  'PUT /v1/test-clock': moveClock,
  'DELETE /v1/test-clock': unsetClock,
};

const environment = readVariables(process.env, [
  variables.customersTable,
  variables.deliveriesTable,
  variables.deliveryDays,
  variables.ledgerTable,
  variables.outreachTable,
  variables.registryTable,
  variables.stage,
]);
const tables: TableNames = {
  customers: environment.CUSTOMERS_TABLE,
  deliveries: environment.DELIVERIES_TABLE,
  ledger: environment.LEDGER_TABLE,
  outreach: environment.OUTREACH_TABLE,
  registry: environment.REGISTRY_TABLE,
};
const { registry } = tables;
/** The gateway waits for thirty seconds: a store that hangs is told before. */
const client = connect({ requestTimeout: 4_000, maxAttempts: 3 });
const machineClient = new SFNClient({ maxAttempts: 4 });
const testStage = process.env[variables.testStage] === 'true';
const adminKeyHash = process.env[variables.adminKeyHash] || undefined;
const shops = outbound({ loopback: testStage, readJson });
const schedule = process.env[variables.nightSchedule];
const nightSchedule = schedule ? (JSON.parse(schedule) as NightSchedule) : undefined;

const idempotencyStore: IdempotencyStore = {
  claim: (wanted) => claim(client, registry, wanted),
  keep: (held, leaseUntil) => keep(client, registry, held, leaseUntil),
  finish: (held, answer) => finish(client, registry, held, answer),
  drop: (held) => drop(client, registry, held),
};
const keys = { findKey: (hash: string) => findKey(client, registry, hash) };
const counter = {
  countRequest: (keyId: string, window: number, endsAt: number) =>
    countRequest(client, registry, keyId, window, endsAt),
};

let queue: JsonCaller | undefined;

async function sendTo(queueOf: 'reconcileQueue' | 'erasureQueue', message: object): Promise<void> {
  const name = variables[queueOf];
  const QueueUrl = readVariables(process.env, [name])[name];
  const patience = { maxAttempts: 3, connectionTimeout: 500, requestTimeout: 2_000, firstPause: 100 };
  queue ??= jsonCaller('sqs', accessOf('sqs', process.env), patience);
  await queue.call('AmazonSQS.SendMessage', { QueueUrl, MessageBody: JSON.stringify(message) });
}

let knownSettings: Settings | undefined;

/** Salt and secret never change; the base currency comes once. */
async function settings(): Promise<Settings> {
  if (knownSettings?.baseCurrency === undefined) knownSettings = await readSettings(client, registry);
  return knownSettings;
}

/** Every route beside the webhooks: who calls, whether they may, and the route's own file answers. */
export const handler = endpoint(async (request) => {
  const found = (table as Record<string, Route<Door> | undefined>)[request.routeKey];
  if (!found) throw new Problem(404, 'route_not_found', 'There is no such route.');
  const door = await doorOf(request);
  if (found.scope === undefined) return found.call({ ...door, access: nobody }, request);
  return answerCaller(found, found.scope, door, request);
});

const nobody: Door['access'] = { keyId: 'key_none', partner: 'nobody', admin: false, scopes: [], sources: [] };

async function doorOf(request: HttpRequest): Promise<Omit<Door, 'access'>> {
  return {
    request,
    now: await readClock({ testStage, client, registry }),
    realTime: Date.now,
    client,
    tables,
    stage: environment.STAGE,
    testStage,
    settings,
    deliveryDays: Number(environment.DELIVERY_DAYS),
    ask: shops.ask,
    sendReconciliation: (message) => sendTo('reconcileQueue', message),
    sendErasure: (message) => sendTo('erasureQueue', message),
    ...(nightSchedule && { nightSchedule }),
    machine: () => ({
      client: machineClient,
      arn: readVariables(process.env, [variables.valueRunMachine]).VALUE_RUN_MACHINE_ARN,
    }),
  };
}

async function answerCaller(
  found: Route<Door>,
  scope: NonNullable<Route<Door>['scope']>,
  door: Omit<Door, 'access'>,
  request: HttpRequest,
): Promise<HttpAnswer> {
  let headers: Record<string, string> = {};
  try {
    const { now, realTime } = door;
    const caller = await authenticate(request, { adminKeyHash, keys, now });
    const limit = await countAgainstLimit(caller.access, counter, realTime());
    headers = limit.headers;
    if (limit.passed) throw limit.passed;
    requireScope(caller.access, scope);
    const run = (nonce?: string) =>
      found.call({ ...door, access: caller.access, ...(nonce !== undefined && { nonce }) }, request);
    const answer =
      request.method === 'GET' ? await run() : await once({ request, caller, now, realTime }, idempotencyStore, run);
    return { ...answer, headers: { ...answer.headers, ...headers } };
  } catch (error) {
    const problem = reportedProblem(error, request);
    const answer = problemAnswer(problem, request.id);
    return { ...answer, headers: { ...answer.headers, ...headers, ...challengeOf(problem, scope) } };
  }
}

/** RFC 6750, 3. */
function challengeOf({ status, code }: Problem, scope: string): Record<string, string> {
  if (status === 401) return { 'www-authenticate': 'Bearer realm="rapport"' };
  if (code === 'insufficient_scope')
    return { 'www-authenticate': `Bearer realm="rapport", error="insufficient_scope", scope="${scope}"` };
  return {};
}
