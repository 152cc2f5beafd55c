import { randomUUID } from 'node:crypto';
import { ServiceError } from './services.ts';

export interface BusRule {
  /** Name or ARN of the rule's bus. */
  bus: string;
  matches(event: unknown): boolean;
  /** Each resolves once the event is durably handed over. */
  targets: ((event: object) => Promise<void>)[];
}

export interface Bus {
  name: string;
  arn: string;
}

interface Entry {
  Source?: string;
  DetailType?: string;
  Detail?: string;
  EventBusName?: string;
  Resources?: string[];
  /** Seconds since 1970. */
  Time?: number;
}

const maximumEntries = 10;
const maximumEntryBytes = 262_144;

/**
 * EventBridge's `PutEvents` in its JSON 1.1 protocol. The answer comes when every target of every matching rule has
 * the event durably.
 */
export function eventBridge(
  buses: readonly Bus[],
  rules: readonly BusRule[],
  place: { region: string; account: string },
) {
  const put = async (entry: Entry) => {
    const bus = buses.find(({ name, arn }) => entry.EventBusName === name || entry.EventBusName === arn);
    if (!bus)
      throw new ServiceError('ResourceNotFoundException', `there is no event bus ${entry.EventBusName ?? 'default'}`);
    const event = {
      version: '0',
      id: randomUUID(),
      'detail-type': entry.DetailType,
      source: entry.Source,
      account: place.account,
      time: new Date((entry.Time ?? Date.now() / 1000) * 1000).toISOString().replace(/\.\d+Z$/, 'Z'),
      region: place.region,
      resources: entry.Resources ?? [],
      detail: detailOf(entry),
    };
    const matching = rules.filter((rule) => (rule.bus === bus.name || rule.bus === bus.arn) && rule.matches(event));
    await Promise.all(matching.flatMap(({ targets }) => targets.map((deliver) => deliver(event))));
    return { EventId: event.id };
  };

  return async (action: string, input: unknown): Promise<object> => {
    if (action !== 'PutEvents')
      throw new ServiceError('UnknownOperationException', `the local bus does not know ${action}`);
    const { Entries = [] } = input as { Entries?: Entry[] };
    if (Entries.length < 1 || Entries.length > maximumEntries)
      throw new ServiceError(
        'ValidationException',
        `1 validation error detected: Entries has from 1 to ${maximumEntries} members`,
      );
    if (Entries.reduce((sum, entry) => sum + sizeOf(entry), 0) > maximumEntryBytes)
      throw new ServiceError('ValidationException', 'Total size of the entries in the request is over the limit.');
    const results = await Promise.all(
      Entries.map((entry) =>
        put(entry).catch((error: unknown) => ({
          ErrorCode: error instanceof ServiceError ? error.code : 'InternalFailure',
          ErrorMessage: error instanceof ServiceError ? error.message : 'the event could not be kept',
        })),
      ),
    );
    return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
  };
}

function detailOf({ Source, DetailType, Detail }: Entry): unknown {
  for (const [name, value] of Object.entries({ Source, DetailType, Detail }))
    if (!value)
      throw new ServiceError(
        'InvalidArgument',
        `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      );
  const malformed = new ServiceError('MalformedDetail', 'Detail is malformed.');
  try {
    const detail: unknown = JSON.parse(Detail ?? '');
    if (typeof detail === 'object' && detail !== null && !Array.isArray(detail)) return detail;
  } catch {
    throw malformed;
  }
  throw malformed;
}

/** As EventBridge counts: 14 bytes for a time, and the UTF-8 length of the texts. */
function sizeOf({ Source = '', DetailType = '', Detail = '', Resources = [], Time }: Entry): number {
  const texts = [Source, DetailType, Detail, ...Resources];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), Time === undefined ? 0 : 14);
}
