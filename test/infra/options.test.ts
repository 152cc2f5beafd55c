import { App } from 'aws-cdk-lib';
import { describe, expect, it } from 'vitest';
import { readOptions } from '../../infra/options.ts';
import { at, synthesise } from './template.ts';

const read = (context: Record<string, unknown>) => readOptions(new App({ context }).node);
const hash = 'ab'.repeat(32);

describe('the options of a deployment', () => {
  it('have defaults', () => {
    expect(read({})).toEqual({
      stage: 'dev',
      testStage: false,
      nightSchedule: { hour: 3, minute: 0, timeZone: 'UTC' },
      reconcileSchedule: { hour: 4, minute: 0, timeZone: 'UTC' },
      segments: 16,
      deliveryDays: 30,
      alarms: {},
    });
  });

  it('are read from the texts of the command line', () => {
    expect(
      read({
        stage: 'trial',
        testStage: 'true',
        adminKeyHash: hash,
        nightSchedule: '{"hour":2,"minute":30,"weekday":1,"timeZone":"Europe/Berlin"}',
        segments: '4',
        deliveryDays: '90',
        sender: 'Shop <shop@shop.example>',
        smtpUrl: 'smtps://user:pass@mail.shop.example',
        alarmAddress: 'ops@shop.example',
        commercetools: 'ct-eu',
      }),
    ).toEqual({
      stage: 'trial',
      testStage: true,
      adminKeyHash: hash,
      nightSchedule: { hour: 2, minute: 30, weekday: 1, timeZone: 'Europe/Berlin' },
      reconcileSchedule: { hour: 3, minute: 30, timeZone: 'Europe/Berlin' },
      segments: 4,
      deliveryDays: 90,
      sender: 'Shop <shop@shop.example>',
      smtpUrl: 'smtps://user:pass@mail.shop.example',
      alarms: { address: 'ops@shop.example' },
      commercetools: 'ct-eu',
    });
  });

  it.each(['production', 'prod'])('refuse the test clock on the stage %s', (stage) => {
    expect(() => read({ stage, testStage: true })).toThrow(`testStage is not to be had on the stage ${stage}`);
  });

  it('refuse a password in the template of a stage that is no test stage', () => {
    expect(() => read({ smtpUrl: 'smtp://user:pass@mail.shop.example' })).toThrow('Secrets Manager');
    expect(read({ smtpUrl: '{{resolve:secretsmanager:smtp}}' }).smtpUrl).toBe('{{resolve:secretsmanager:smtp}}');
    expect(read({ smtpUrl: 'smtp://mail.shop.example:25' }).smtpUrl).toBe('smtp://mail.shop.example:25');
  });

  it.each([
    ['stage', 'Production'],
    ['commercetools', 'Shop#1'],
    ['stage', 'a'.repeat(31)],
    ['testStage', 'yes'],
    ['adminKeyHash', 'rk_secret'],
    ['adminKeyHash', hash.toUpperCase()],
    ['nightSchedule', 'every night'],
    ['nightSchedule', { hour: 24, minute: 0, timeZone: 'UTC' }],
    ['nightSchedule', { hour: 3, minute: 0, weekday: 7, timeZone: 'UTC' }],
    ['nightSchedule', { hour: 3, minute: 0, timeZone: 'Mars/Olympus' }],
    ['nightSchedule', { hour: 3, minute: 0, timeZone: '+02:00' }],
    ['nightSchedule', { hour: 3, minute: 0, timeZone: 'UTC', second: 1 }],
    ['segments', 0],
    ['deliveryDays', 0],
    ['segments', '1e3'],
    ['sender', 'nobody'],
    ['sender', 'a@b.example\r\nBcc: c@d.example'],
    ['smtpUrl', 'http://mail.shop.example'],
    ['alarmAddress', 'nobody'],
  ])('refuse %s = %j', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(`${name} must be`);
  });

  it('are asked for at deployment where nothing can stand in for them', () => {
    const missing = synthesise();
    expect(at(missing.rules, 'AdminKeyHashIsGiven', 'Assertions', 0, 'Assert', 'Fn::Not')).toEqual([
      { 'Fn::Equals': [{ Ref: 'AdminKeyHash' }, ''] },
    ]);
    expect(at(missing.rules, 'SenderIsGiven', 'Assertions')).not.toBeNull();
    const given = synthesise({ adminKeyHash: hash, sender: 'shop@shop.example' });
    expect(at(given.rules, 'AdminKeyHashIsGiven')).toBeNull();
    expect(at(given.rules, 'SenderIsGiven')).toBeNull();
  });

  it('name every fault at once', () => {
    expect(() => read({ stage: '!', segments: -1 })).toThrow(/stage must be .*; segments must be/);
  });
});
