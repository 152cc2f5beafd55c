import type { LocalFunction } from './functions.ts';
import type { Route } from './gateway-routes.ts';
import { knownProperties } from './properties.ts';
import { StartError } from './start-error.ts';
import type { Template } from './template.ts';

interface RouteProperties {
  RouteKey: string;
  Target?: string;
  AuthorizationType?: string;
}

interface IntegrationProperties {
  IntegrationType: string;
  IntegrationUri?: string;
  PayloadFormatVersion?: string;
}

/** @throws StartError for what the local gateway would answer in another way than API Gateway */
export function buildRoutes(template: Template, functions: ReadonlyMap<string, LocalFunction>): Route<LocalFunction>[] {
  const apis = template.of('AWS::ApiGatewayV2::Api');
  if (apis.length > 1)
    throw new StartError(`the local stack serves one HTTP API, not ${apis.map(({ label }) => label).join(', ')}`);
  for (const api of apis)
    knownProperties(api, [], ['Name', 'ProtocolType', 'Description', 'DisableExecuteApiEndpoint']);
  for (const stage of template.of('AWS::ApiGatewayV2::Stage'))
    knownProperties(
      stage,
      [],
      ['ApiId', 'StageName', 'AutoDeploy', 'AccessLogSettings', 'DefaultRouteSettings', 'RouteSettings', 'Description'],
    );
  return template.of('AWS::ApiGatewayV2::Route').map((route) => {
    const {
      RouteKey,
      Target,
      AuthorizationType = 'NONE',
    } = knownProperties<RouteProperties>(
      route,
      ['RouteKey', 'Target', 'AuthorizationType'],
      ['ApiId', 'OperationName'],
    );
    if (AuthorizationType !== 'NONE') throw new StartError(`${route.label}: the local gateway knows no authorizers`);
    return { key: RouteKey, target: integrationOf(template, functions, route.label, Target ?? '') };
  });
}

function integrationOf(
  template: Template,
  functions: ReadonlyMap<string, LocalFunction>,
  label: string,
  target: string,
): LocalFunction {
  const integration = template.find('AWS::ApiGatewayV2::Integration', target.replace(/^integrations\//, ''));
  if (!integration) throw new StartError(`${label} leads to ${target}, which is not there`);
  const properties = knownProperties<IntegrationProperties>(
    integration,
    ['IntegrationType', 'IntegrationUri', 'PayloadFormatVersion'],
    ['ApiId', 'Description', 'IntegrationMethod', 'TimeoutInMillis'],
  );
  if (properties.IntegrationType !== 'AWS_PROXY' || properties.PayloadFormatVersion !== '2.0')
    throw new StartError(`${integration.label}: the local gateway knows functions with payload 2.0 only`);
  const arn =
    /functions\/(arn:[^/]+)\/invocations$/.exec(properties.IntegrationUri ?? '')?.[1] ??
    properties.IntegrationUri ??
    '';
  const found = functions.get(template.find('AWS::Lambda::Function', arn)?.name ?? '');
  if (!found) throw new StartError(`${integration.label} leads to ${arn}, which is no function of the template`);
  return found;
}
