import { createHash } from 'node:crypto';
import type { LocalFunction, Outcome } from './functions.ts';
import { knownProperties } from './properties.ts';
import type { Queue } from './queue.ts';
import { readSchedule, type ScheduleSettings } from './scheduler.ts';
import { ServiceError } from './services.ts';
import { StartError } from './start-error.ts';
import type { Machine, StateMachines } from './state-machine.ts';
import { type Definition, unsupported } from './states-definition.ts';
import type { Template } from './template.ts';

/** @throws StartError naming what of a definition would not run as on AWS */
export function buildMachines(template: Template): Machine[] {
  return template.of('AWS::StepFunctions::StateMachine').map((resource) => {
    const { DefinitionString } = knownProperties<{ DefinitionString: string }>(
      resource,
      ['DefinitionString'],
      [
        'RoleArn',
        'StateMachineName',
        'StateMachineType',
        'LoggingConfiguration',
        'TracingConfiguration',
        'EncryptionConfiguration',
      ],
    );
    const definition = JSON.parse(DefinitionString) as Definition;
    const faults = unsupported(definition, (arn) => template.find('AWS::Lambda::Function', arn) !== undefined);
    if (faults.length > 0)
      throw new StartError(`${resource.label}: the local state machine does not know ${faults.join('; ')}`);
    return { arn: template.arn(resource), name: resource.name, definition };
  });
}

/** Invokes the function that a task's resource names. */
export function taskInvoker(template: Template, functions: ReadonlyMap<string, LocalFunction>) {
  return (arn: string, input: unknown): Promise<Outcome> => {
    const found = functions.get(template.find('AWS::Lambda::Function', arn)?.name ?? '');
    if (found) return found.invoke(input);
    throw new StartError(`there is no function ${arn}`);
  };
}

interface ScheduleProperties {
  State?: string;
  Target: { Arn: string; Input?: string };
}

/**
 * Schedules that start an execution or send a message. An execution's name is made of the time, so that one occurrence
 * never starts two.
 */
export function buildSchedules(
  template: Template,
  machines: () => StateMachines,
  queues: ReadonlyMap<string, Queue>,
): ScheduleSettings[] {
  return template.of('AWS::Scheduler::Schedule').flatMap((resource) => {
    const properties = knownProperties<ScheduleProperties & Record<string, unknown>>(
      resource,
      ['ScheduleExpression', 'ScheduleExpressionTimezone', 'FlexibleTimeWindow', 'State', 'Target'],
      ['Name', 'Description', 'GroupName', 'KmsKeyArn'],
    );
    if (properties.State === 'DISABLED') return [];
    const queue = queues.get(template.find('AWS::SQS::Queue', properties.Target.Arn)?.name ?? '');
    if (queue) {
      const deliver = async (input: string) => void (await queue.send(input));
      return [{ name: resource.label, ...readSchedule(resource.label, properties), deliver }];
    }
    const machine = template.find('AWS::StepFunctions::StateMachine', properties.Target.Arn);
    if (!machine) throw new StartError(`${resource.label}: the local scheduler cannot start ${properties.Target.Arn}`);
    const deliver = async (input: string, scheduledTime: string) => {
      const hash = createHash('sha256').update(`${resource.label} ${scheduledTime}`).digest('hex').slice(0, 32);
      const name = `schedule-${scheduledTime.replaceAll(':', '.')}-${hash}`;
      await machines()
        .start(template.arn(machine), name, input)
        .catch((error: unknown) => {
          if (!(error instanceof ServiceError) || error.code !== 'ExecutionAlreadyExists') throw error;
        });
    };
    return [{ name: resource.label, ...readSchedule(resource.label, properties), deliver }];
  });
}
