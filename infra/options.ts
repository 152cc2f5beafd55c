import type { Node } from 'constructs';
import type { NightSchedule } from '../shared/contracts/schedule.ts';

/** What a deployment chooses, given as CDK context (`-c stage=production`). */
export interface Options {
  /** Names the stacks: `Rapport-<stage>-Data` and `Rapport-<stage>-Engine`. Default `dev`. */
  stage: string;
  /** On a test stage the clock can be moved and the tables go with their stack. Refused in production. */
  testStage: boolean;
  /** SHA-256 of the admin key in hexadecimal. Absent: a parameter of the deployment. */
  adminKeyHash?: string;
  /** When the night falls due. Default 03:00 UTC every day. */
  nightSchedule: NightSchedule;
  /** When shops are asked for what they list: their quiet hours. Default an hour after the night. */
  reconcileSchedule: NightSchedule;
  /**
   * Scan segments of a value run, worked on side by side. Default 16. Forty at most: so many branches of an inline map run
   * at once, and so many leave a history that six hours cannot fill (25,000 events).
   */
  segments: number;
  /** `From` of outgoing e-mail: an address, or `Name <address>`. Absent: a parameter of the deployment. */
  sender?: string;
  /** Where set, e-mail leaves over SMTP instead of SES. */
  smtpUrl?: string;
  /** For how many days a delivery is kept, to be looked up and played again. Default 30. */
  deliveryDays: number;
  /** Id of the source whose subscription delivers to a queue. Absent: there is no such queue. */
  commercetools?: string;
  /** Who is told of alarms by e-mail; others can subscribe to the topics. */
  alarms: { address?: string };
}

/** An address, or `Name <address>`. */
export const senderPattern = /^(?:[^\s@<>]+@[^\s@<>]+|[^<>@\r\n]+<[^\s@<>]+@[^\s@<>]+>)$/;

/**
 * Reads the options from context; those given on the command line come as text.
 * @throws Error that names every option that is not understood, and what it should be
 */
export function readOptions(node: Node): Options {
  const faults: string[] = [];
  const read = <T>(name: string, parse: (value: unknown) => T | undefined, expected: string): T | undefined => {
    const value: unknown = node.tryGetContext(name);
    if (value === undefined || value === null) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) faults.push(`${name} must be ${expected}`);
    return parsed;
  };

  const stage = read('stage', matching(/^[a-z][a-z0-9-]{0,29}$/), 'lower-case letters, digits and hyphens') ?? 'dev';
  const testStage = read('testStage', parseBoolean, 'true or false') ?? false;
  const adminKeyHash = read(
    'adminKeyHash',
    matching(/^[0-9a-f]{64}$/),
    'the SHA-256 of the admin key in 64 hexadecimal characters of lower case',
  );
  const aSchedule = '{"hour":0-23,"minute":0-59,"timeZone":"<IANA name>"} with an optional "weekday":0-6 (0 = Sunday)';
  const nightSchedule = read('nightSchedule', parseSchedule, aSchedule) ?? { hour: 3, minute: 0, timeZone: 'UTC' };
  const { weekday: _, ...daily } = nightSchedule;
  const reconcileSchedule = read('reconcileSchedule', parseSchedule, aSchedule) ?? {
    ...daily,
    hour: (daily.hour + 1) % 24,
  };
  const segments = read('segments', wholeNumber(1, 40), 'a whole number from 1 to 40') ?? 16;
  const deliveryDays = read('deliveryDays', wholeNumber(1, 365), 'a whole number from 1 to 365') ?? 30;
  const sender = read('sender', matching(senderPattern), 'an address');
  const smtpUrl = read(
    'smtpUrl',
    matching(/^(?:smtps?:\/\/\S+|\{\{resolve:secretsmanager:\S+\}\})$/),
    'an smtp:// or smtps:// address, or a {{resolve:secretsmanager:…}} reference to one',
  );
  const alarmAddress = read('alarmAddress', matching(/^[^\s@<>]+@[^\s@<>]+$/), 'an address');

  const commercetools = read(
    'commercetools',
    matching(/^[a-z0-9][a-z0-9-]{0,62}$/),
    'the id of a source: lower-case letters, digits and hyphens',
  );

  if (testStage && /^prod(uction)?$/.test(stage)) faults.push(`testStage is not to be had on the stage ${stage}`);
  if (!testStage && smtpUrl !== undefined && /^smtps?:\/\/[^/]*@/.test(smtpUrl))
    faults.push(
      'smtpUrl must not carry a password into the template: keep it in Secrets Manager and give {{resolve:secretsmanager:…}}',
    );
  if (faults.length > 0) throw new Error(`context: ${faults.join('; ')}`);

  return {
    stage,
    testStage,
    nightSchedule,
    reconcileSchedule,
    segments,
    deliveryDays,
    alarms: alarmAddress === undefined ? {} : { address: alarmAddress },
    ...(adminKeyHash === undefined ? {} : { adminKeyHash }),
    ...(sender === undefined ? {} : { sender }),
    ...(smtpUrl === undefined ? {} : { smtpUrl }),
    ...(commercetools === undefined ? {} : { commercetools }),
  };
}

function matching(pattern: RegExp) {
  return (value: unknown) => (typeof value === 'string' && pattern.test(value) ? value : undefined);
}

function parseBoolean(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

function wholeNumber(least: number, most: number) {
  return (value: unknown): number | undefined => {
    const number = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
      ? number
      : undefined;
  };
}

function parseSchedule(value: unknown): NightSchedule | undefined {
  const given = typeof value === 'string' ? parseObject(value) : value;
  if (typeof given !== 'object' || given === null) return undefined;
  const { hour, minute, weekday, timeZone, ...unknown } = given as Record<string, unknown>;
  const hours = wholeNumber(0, 23)(hour);
  const minutes = wholeNumber(0, 59)(minute);
  const day = weekday === undefined ? undefined : wholeNumber(0, 6)(weekday);
  if (hours === undefined || minutes === undefined || Object.keys(unknown).length > 0) return undefined;
  if (weekday !== undefined && day === undefined) return undefined;
  if (typeof timeZone !== 'string' || !isTimeZone(timeZone)) return undefined;
  return { hour: hours, minute: minutes, timeZone, ...(day === undefined ? {} : { weekday: day }) };
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Offsets such as `+02:00`, which `Intl` takes too, are no time zones to EventBridge Scheduler. */
function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
