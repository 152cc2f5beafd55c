import { CfnOutput, RemovalPolicy, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  HttpApi,
  HttpMethod,
  HttpStage,
  LogGroupLogDestination,
  PayloadFormatVersion,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { routes, type Workload } from '../../shared/contracts/routes.ts';
import type { RapportFunction } from './function.ts';

/** Requests a second, and the burst above it, that the whole API takes before it answers 429. */
const throttle = { rateLimit: 1000, burstLimit: 2000 };

/** Neither path nor query nor address of the caller: they can name a person. */
const accessLogFields = {
  requestId: '$context.requestId',
  requestTime: '$context.requestTime',
  route: '$context.routeKey',
  status: '$context.status',
  responseLength: '$context.responseLength',
  latency: '$context.responseLatency',
  integrationLatency: '$context.integrationLatency',
  integrationError: '$context.integrationErrorMessage',
};

/** The HTTP API of the contract's routes, each answered by the function of its workload. */
export class RapportHttpApi extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  /** The functions whose answer a caller waits for. */
  readonly answering: readonly RapportFunction[];

  constructor(scope: Construct, id: string, props: { workloads: Record<Workload, RapportFunction> }) {
    super(scope, id);
    this.answering = Object.values(props.workloads);
    this.api = new HttpApi(this, 'Api', { description: 'Rapport', createDefaultStage: false });
    const integrations = Object.fromEntries(
      Object.entries(props.workloads).map(([workload, { lambda }]) => [
        workload,
        new HttpLambdaIntegration(workload, lambda, {
          payloadFormatVersion: PayloadFormatVersion.VERSION_2_0,
          // One permission for the API, not one for each route: a function's policy has room for 20 kB.
          scopePermissionToRoute: false,
        }),
      ]),
    ) as Record<Workload, HttpLambdaIntegration>;
    for (const { method, path, workload } of routes)
      this.api.addRoutes({ path, methods: [HttpMethod[method]], integration: integrations[workload] });

    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle,
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(JSON.stringify(accessLogFields)),
      },
    });
    new CfnOutput(this, 'Url', { value: this.stage.url, description: 'Where the API answers' });
    Validations.of(this.api).acknowledge({
      id: 'AwsSolutions-APIG4',
      reason:
        'Webhooks prove themselves by a signature over the raw body and partners by a key whose scopes are checked in the function; /health and /openapi.json are public.',
    });
  }
}
