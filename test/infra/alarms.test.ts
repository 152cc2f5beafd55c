import { beforeAll, describe, expect, it } from 'vitest';
import { type LogLine, logLines } from '../../shared/contracts/log-lines.ts';
import { at, entryOf, functionOf, functionsOf, list, ofType, type Resource, synthesise, target } from './template.ts';

const schedule = { hour: 2, minute: 30, weekday: 1, timeZone: 'Europe/Berlin' };

let engine: Resource[];
let onTestStage: Resource[];
beforeAll(() => {
  engine = synthesise().engine;
  onTestStage = synthesise({ stage: 'trial', testStage: true, nightSchedule: schedule }).engine;
});

describe('alarms', () => {
  const ids = (resources: Resource[]) => ofType(resources, 'AWS::CloudWatch::Alarm').map(({ id }) => id);

  it('tell of throttled functions, a late stream, faults of the API and nights', () => {
    const throttled = ofType(engine, 'AWS::CloudWatch::Alarm')
      .filter(({ properties }) => at(properties, 'MetricName') === 'Throttles')
      .map(({ properties }) => target(at(properties, 'Dimensions', 0, 'Value')));
    expect(throttled.sort()).toEqual(
      functionsOf(engine)
        .map(({ id }) => id)
        .sort(),
    );
    for (const kind of ['StreamLags', 'ServerErrors', 'NightFailed', 'NightMissing'])
      expect(ids(engine).filter((id) => id.startsWith(`Alarms${kind}`))).toHaveLength(1);
  });

  const alarmsOn = (metricName: string) =>
    ofType(engine, 'AWS::CloudWatch::Alarm').filter(({ properties }) => at(properties, 'MetricName') === metricName);
  const watched = (metricName: string) =>
    alarmsOn(metricName)
      .map(({ properties }) => target(at(properties, 'Dimensions', 0, 'Value')))
      .sort();

  it('tell of errors of each function that no caller waits for, beyond a handful', () => {
    const unseen = functionsOf(engine).filter((found) => !['webhooks/receive', 'api/api'].includes(entryOf(found)));
    expect(watched('Errors')).toEqual(unseen.map(({ id }) => id).sort());
    for (const { properties } of alarmsOn('Errors'))
      expect(properties).toMatchObject({ Threshold: 5, Period: 300, Statistic: 'Sum', EvaluationPeriods: 1 });
  });

  it('tell of work that nobody takes up for a quarter of an hour', () => {
    const worked = ofType(engine, 'AWS::Lambda::EventSourceMapping')
      .map(({ properties }) => String(at(properties, 'EventSourceArn', 'Fn::GetAtt', 0) ?? ''))
      .filter((id) => id !== '');
    expect(watched('ApproximateAgeOfOldestMessage')).toEqual(worked.sort());
    for (const { properties } of alarmsOn('ApproximateAgeOfOldestMessage'))
      expect(properties).toMatchObject({ Threshold: 900, Period: 300, Statistic: 'Maximum', EvaluationPeriods: 1 });
  });

  it.each<[LogLine, number, string[]]>([
    ['DeliveryQuarantined', 0, ['webhooks/receive', 'webhooks/retry']],
    ['DeliveryNotKept', 5, ['webhooks/receive', 'webhooks/retry']],
    ['KeepingBrokeOff', 5, ['webhooks/keep']],
    ['OutreachFailed', 0, ['outreach/deliver']],
    ['OutreachUnconfirmed', 0, ['outreach/deliver']],
    ['RetryBrokeOff', 5, ['webhooks/retry']],
    ['PlanningBrokeOff', 5, ['outreach/plan']],
    ['SendingBrokeOff', 5, ['outreach/deliver']],
    ['ReconciliationFailed', 0, ['reconcile/work']],
    ['ErasureBrokeOff', 0, ['privacy/work']],
    ['PrivacyRequestPressing', 0, ['privacy/work']],
  ])('tell of %s beyond %i, counted in the log of %j', (line, threshold, entries) => {
    const [alarm, ...others] = alarmsOn(line);
    expect(others).toEqual([]);
    expect(alarm?.properties).toMatchObject({
      Namespace: 'Rapport/dev',
      Threshold: threshold,
      ComparisonOperator: 'GreaterThanThreshold',
      Period: 300,
      Statistic: 'Sum',
      TreatMissingData: 'notBreaching',
    });
    const filters = ofType(engine, 'AWS::Logs::MetricFilter').filter(
      ({ properties }) => at(properties, 'MetricTransformations', 0, 'MetricName') === line,
    );
    const logs = entries.map((entry) => target(at(functionOf(engine, entry).properties, 'LoggingConfig', 'LogGroup')));
    expect(filters.map(({ properties }) => target(at(properties, 'LogGroupName'))).sort()).toEqual(logs.sort());
    for (const { properties } of filters) {
      expect(at(properties, 'MetricTransformations', 0)).toMatchObject({
        MetricNamespace: 'Rapport/dev',
        MetricValue: '1',
      });
      // A phrase in quotes is looked for in the whole line, which Lambda makes of the function's own.
      const phrase = /^"([^"]+)"$/.exec(String(at(properties, 'FilterPattern')))?.[1];
      const written = JSON.stringify({ level: 'warn', message: logLines[line], jobId: 'job_1' });
      expect(JSON.stringify({ level: 'WARN', message: written })).toContain(phrase);
      for (const [other, message] of Object.entries(logLines))
        expect(message.includes(String(phrase))).toBe(other === line);
    }
  });

  it('each say what to do', () => {
    for (const { properties } of ofType(engine, 'AWS::CloudWatch::Alarm'))
      expect(String(at(properties, 'AlarmDescription'))).toMatch(/\b(look|see|mend|GET)\b/);
  });

  it('do not miss a daily night where it falls once a week', () => {
    expect(ids(onTestStage).filter((id) => id.startsWith('AlarmsNightMissing'))).toEqual([]);
  });

  it('all reach the topic', () => {
    const [topic] = ofType(engine, 'AWS::SNS::Topic');
    for (const { properties } of ofType(engine, 'AWS::CloudWatch::Alarm'))
      expect(list(at(properties, 'AlarmActions')).map(target)).toEqual([topic?.id]);
  });

  it('stand on one dashboard', () => {
    expect(ofType(engine, 'AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });
});
