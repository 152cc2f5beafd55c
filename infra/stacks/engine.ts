import { CfnOutput, CfnParameter, CfnRule, Duration, Fn, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { variables } from '../../shared/contracts/environment.ts';
import { Alarms } from '../constructs/alarms.ts';
import { RapportDashboard } from '../constructs/dashboard.ts';
import { RapportBus } from '../constructs/event-bus.ts';
import { type FunctionFactory, RapportFunction } from '../constructs/function.ts';
import { RapportHttpApi } from '../constructs/http-api.ts';
import { KeptDeliveries } from '../constructs/kept-deliveries.ts';
import { Night } from '../constructs/night.ts';
import { Outreach } from '../constructs/outreach.ts';
import { Privacy } from '../constructs/privacy.ts';
import { Publish } from '../constructs/publish.ts';
import { Reconcile } from '../constructs/reconcile.ts';
import type { RunParts } from '../constructs/run-parts.ts';
import { Subscription } from '../constructs/subscription.ts';
import { WebhookRetry } from '../constructs/webhook-retry.ts';
import type { Options } from '../options.ts';
import type { DataStack } from './data.ts';

interface EngineProps {
  tables: DataStack['tables'];
  runParts: RunParts;
  options: Options;
}

/** What is replaced: every function, and the edges between them. */
export class EngineStack extends Stack {
  constructor(scope: Construct, id: string, props: EngineProps) {
    super(scope, id, { description: 'Rapport: webhooks, API, outreach and the night' });
    const { tables, runParts, options } = props;
    const { customers, deliveries, ledger, outreach, registry } = tables;
    const createFunction: FunctionFactory = (within, name, given) => {
      const made = new RapportFunction(within, name, { ...given, stage: options.stage, testStage: options.testStage });
      // The test clock lies in the Registry, and every door looks at it.
      return options.testStage ? made.reads(registry) : made;
    };

    const { bus } = new RapportBus(this, 'Events');
    const { publish } = new Publish(this, 'Publish', { tables, bus, createFunction });
    new Outreach(this, 'Outreach', {
      tables,
      bus,
      createFunction,
      sender: options.sender ?? senderParameter(this),
      ...(options.smtpUrl === undefined ? {} : { smtpUrl: options.smtpUrl }),
    });
    const { machine, report } = new Night(this, 'Night', {
      tables,
      runParts,
      createFunction,
      schedule: options.nightSchedule,
      segments: options.segments,
    });

    const webhooks = createFunction(this, 'Webhooks', {
      entry: 'functions/webhooks/receive.ts',
      description: 'Takes the webhooks of storefronts',
      timeout: Duration.seconds(10),
      memorySize: 1024,
    })
      .reads(customers, ledger, registry)
      .writes(customers, ledger, registry)
      .tells('DeliveryQuarantined');
    const recording = { customers, ledger, registry, createFunction };
    const { retry } = new WebhookRetry(this, 'WebhookRetry', { receive: webhooks, ...recording });
    const doors = [webhooks, retry];
    if (options.commercetools !== undefined) {
      const { take } = new Subscription(this, 'Commercetools', { sourceId: options.commercetools, ...recording });
      doors.push(take);
    }
    const { deliveryDays: days } = options;
    new KeptDeliveries(this, 'KeptDeliveries', { doors, customers, deliveries, days, createFunction });

    const api = createFunction(this, 'Api', {
      entry: 'functions/api/api.ts',
      description: 'Answers partners',
      // The gateway waits for 30 s. The clock of a test stage goes on without it: a year has many nights.
      timeout: options.testStage ? Duration.minutes(15) : Duration.seconds(29),
      memorySize: 1024,
    })
      .reads(customers, deliveries, ledger, registry, outreach)
      .writes(customers, deliveries, ledger, registry)
      .starts(machine, variables.valueRunMachine)
      .set(variables.deliveryDays, String(days))
      .set(variables.adminKeyHash, options.adminKeyHash ?? adminKeyParameter(this))
      .set(variables.nightSchedule, JSON.stringify(options.nightSchedule));
    new Reconcile(this, 'Reconcile', { tables, createFunction, schedule: options.reconcileSchedule }).sentBy(api);
    new Privacy(this, 'Privacy', { tables, days, createFunction, schedule: options.reconcileSchedule }).sentBy(
      api,
      ...doors,
    );
    const http = new RapportHttpApi(this, 'Http', { workloads: { webhooks, api } });

    const parts = { http, publish, machine, report, schedule: options.nightSchedule };
    const { alarms } = new Alarms(this, 'Alarms', options.alarms).watchEngine(parts);
    new RapportDashboard(this, 'Overview', { ...parts, tables, alarms });
    new CfnOutput(this, 'BusName', { value: bus.eventBusName, description: 'Add rules of your own here' });
  }
}

/** An example address that no mail can come from, so that the template is whole before a sender is chosen. */
const noSender = 'sender@example.invalid';

function senderParameter(stack: Stack): string {
  return required(stack, 'Sender', {
    default: noSender,
    allowedPattern: '^[^\\s@<>]+@[^\\s@<>]+$',
    description: 'Address that e-mail is sent from, verified in SES (or give it as context: -c sender=…)',
  });
}

function adminKeyParameter(stack: Stack): string {
  return required(stack, 'AdminKeyHash', {
    default: '',
    allowedPattern: '^([0-9a-f]{64})?$',
    description: 'SHA-256 of the admin key in hexadecimal (or give it as context: -c adminKeyHash=…)',
  });
}

/** A parameter that has to be given: its default is there for linting and refused by CloudFormation. */
function required(
  stack: Stack,
  name: string,
  props: { default: string; allowedPattern: string; description: string },
): string {
  const parameter = new CfnParameter(stack, name, { type: 'String', ...props });
  new CfnRule(stack, `${name}IsGiven`, {
    assertions: [
      {
        assert: Fn.conditionNot(Fn.conditionEquals(parameter.valueAsString, props.default)),
        assertDescription: `${name} is needed: ${props.description}`,
      },
    ],
  });
  return parameter.valueAsString;
}
