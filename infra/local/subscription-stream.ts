import { AwsError } from '../../shared/aws/aws-error.ts';
import type { JsonCall } from '../../shared/aws/json-call.ts';
import type { LocalFunction, Outcome } from './functions.ts';
import { failedItems } from './item-failures.ts';
import type { Log } from './log.ts';
import type { Positions } from './positions.ts';
import type { Queue } from './queue.ts';
import { failureRecord, type StreamRecord } from './stream-failure.ts';
import { backoff, type Ticker } from './ticker.ts';

export interface StreamSettings {
  streamArn: string;
  batchSize: number;
  /** Seconds to wait for a full batch. */
  window: number;
  /** -1 = for ever. */
  retries: number;
  /** Seconds for which a failing record is tried; -1 = for ever. Counted from its first try, so that time in which the stack was stopped costs no record. */
  maximumAge: number;
  bisect: boolean;
  reportsItemFailures: boolean;
  wants(record: unknown): boolean;
  onFailure: Queue | undefined;
}

interface Batch {
  records: StreamRecord[];
  attempts: number;
  /** Monotonic milliseconds of the first try. */
  since: number;
}

/** Subscribes a function to a table's stream, as an event source mapping: in order within a shard, at least once. */
export class StreamSubscription {
  readonly #target: LocalFunction;
  readonly #settings: StreamSettings;
  readonly #engine: JsonCall;
  readonly #positions: Positions;
  readonly #ticker: Ticker;
  readonly #log: Log;
  readonly #shards = new Map<string, Promise<void>>();
  #stopped = false;
  /** Records that are read and not yet done with, but for those that wait for another try. */
  #busy = 0;
  /** When the first of the records that were last read was made, in seconds since 1970. */
  #oldest = 0;
  /** The function failed with a batch, which waits for its next try. */
  #waiting = false;
  #readsBegun = 0;
  /** Number of the last read that found nothing. */
  #emptyRead = 0;
  /** Number of the last record that is done with, of the shard that is read. */
  readTo: string | undefined;
  /** Rises with every record that is read. */
  read = 0;

  constructor(
    target: LocalFunction,
    settings: StreamSettings,
    parts: { engine: JsonCall; positions: Positions; ticker: Ticker; log: Log },
  ) {
    this.#target = target;
    this.#settings = settings;
    this.#engine = parts.engine;
    this.#positions = parts.positions;
    this.#ticker = parts.ticker;
    this.#log = parts.log;
  }

  get busy(): number {
    return this.#waiting ? 0 : this.#busy;
  }

  /** Seconds since the oldest record was made that is read and not yet done with; 0 where there is none. */
  get age(): number {
    return this.#busy > 0 ? Math.max(0, Date.now() / 1000 - this.#oldest) : 0;
  }

  /**
   * Resolves when the stream has been read to its end by a read that began after this call, or a batch waits for
   * another try.
   * @param deadline monotonic milliseconds
   * @returns false where the deadline came first
   */
  async drained(deadline: number): Promise<boolean> {
    const first = this.#readsBegun;
    while (!this.#stopped && !this.#waiting && !(this.#emptyRead > first && this.#busy === 0)) {
      if (performance.now() > deadline) return false;
      this.#ticker.wake();
      await this.#ticker.pause(3);
    }
    return true;
  }

  get streamArn(): string {
    return this.#settings.streamArn;
  }

  start(): void {
    void this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ticker.wake();
    await Promise.all(this.#shards.values());
  }

  /** Finds the shards, and looks again whenever one of them has come to its end. */
  async #follow(): Promise<void> {
    for (let failures = 0; !this.#stopped; ) {
      try {
        const { StreamDescription } = await this.#streams<{
          StreamDescription: { Shards: { ShardId: string; ParentShardId?: string }[] };
        }>('DescribeStream', { StreamArn: this.#settings.streamArn });
        const known = new Set(StreamDescription.Shards.map(({ ShardId }) => ShardId));
        for (const { ShardId, ParentShardId } of StreamDescription.Shards) {
          const afterParent = !ParentShardId || !known.has(ParentShardId) || this.#isDone(ParentShardId);
          if (afterParent && !this.#isDone(ShardId) && !this.#shards.has(ShardId)) {
            const shard = this.#read(ShardId).finally(() => this.#shards.delete(ShardId));
            this.#shards.set(ShardId, shard);
          }
        }
        failures = 0;
        if (this.#shards.size > 0) await Promise.race([...this.#shards.values(), this.#ticker.pause(60_000)]);
        else await this.#ticker.pause(1_000);
      } catch (error) {
        this.#complain('describe', error, failures);
        await this.#ticker.pause(backoff(++failures, 100, 10_000));
      }
    }
  }

  #key(shardId: string): string {
    return `${this.#target.settings.name} ${this.#settings.streamArn} ${shardId}`;
  }

  #isDone(shardId: string): boolean {
    return this.#positions.get(this.#key(shardId)) === shardEnd;
  }

  async #read(shardId: string): Promise<void> {
    let iterator: string | undefined;
    for (let failures = 0, empty = 0; !this.#stopped; ) {
      try {
        iterator ??= await this.#iterator(shardId);
        const read = ++this.#readsBegun;
        const { Records, NextShardIterator } = await this.#streams<{
          Records: StreamRecord[];
          NextShardIterator?: string;
        }>('GetRecords', { ShardIterator: iterator, Limit: 1000 });
        failures = 0;
        this.#busy += Records.length;
        this.read += Records.length;
        this.#oldest = Records[0]?.dynamodb.ApproximateCreationDateTime ?? this.#oldest;
        const records = await this.#fill(Records, NextShardIterator);
        for (let index = 0; index < records.list.length; index += this.#settings.batchSize)
          await this.#process(shardId, records.list.slice(index, index + this.#settings.batchSize));
        if (this.#stopped) return;
        iterator = records.next;
        if (records.list.length === 0) this.#emptyRead = Math.max(this.#emptyRead, read);
        if (iterator === undefined) {
          this.#positions.set(this.#key(shardId), shardEnd);
          return;
        }
        empty = records.list.length > 0 ? 0 : empty + 1;
        if (records.list.length < this.#settings.batchSize) await this.#ticker.idle(empty);
      } catch (error) {
        this.#busy = 0;
        iterator = undefined;
        this.#complain('read', error, failures);
        await this.#ticker.pause(backoff(++failures, 50, 5_000));
      }
    }
  }

  /** With a window, reads on until the batch is full, the window ends or somebody waits for the stack to settle. */
  async #fill(list: StreamRecord[], next: string | undefined) {
    const { window, batchSize } = this.#settings;
    const end = performance.now() + window * 1000;
    const found = { list, next };
    while (
      list.length > 0 &&
      list.length < batchSize &&
      found.next &&
      performance.now() < end &&
      !this.#ticker.hurried
    ) {
      await this.#ticker.pause(20);
      const more: { Records: StreamRecord[]; NextShardIterator?: string } = await this.#streams('GetRecords', {
        ShardIterator: found.next,
        Limit: 1000,
      });
      this.#busy += more.Records.length;
      this.read += more.Records.length;
      list.push(...more.Records);
      found.next = more.NextShardIterator;
    }
    return found;
  }

  async #iterator(shardId: string): Promise<string> {
    const position = this.#positions.get(this.#key(shardId));
    this.readTo = position;
    const shard = { StreamArn: this.#settings.streamArn, ShardId: shardId };
    const start = { ...shard, ShardIteratorType: 'TRIM_HORIZON' };
    if (position === undefined) return this.#ask(start);
    try {
      return await this.#ask({ ...shard, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: position });
    } catch (error) {
      if (!(error instanceof AwsError) || error.name !== 'TrimmedDataAccessException') throw error;
      this.#log.error(
        `${this.#target.settings.name}: the stream no longer has what comes next; it goes on with the oldest`,
      );
      return this.#ask(start);
    }
  }

  async #ask(input: object): Promise<string> {
    const { ShardIterator } = await this.#streams<{ ShardIterator: string }>('GetShardIterator', input);
    return ShardIterator;
  }

  #streams<Answer>(action: string, input: object): Promise<Answer> {
    return this.#engine<Answer>(`DynamoDBStreams_20120810.${action}`, input);
  }

  async #process(shardId: string, records: StreamRecord[]): Promise<void> {
    const wanted = records.filter((record) => this.#settings.wants(record));
    const pending: Batch[] = wanted.length > 0 ? [{ records: wanted, attempts: 0, since: performance.now() }] : [];
    for (let batch = pending.shift(); batch && !this.#stopped; batch = pending.shift()) {
      const done = await this.#try(shardId, batch);
      pending.unshift(...done.again);
      const last = done.passed.at(-1);
      if (last) this.#isDoneWith(shardId, last);
    }
    const last = records.at(-1);
    if (last && !this.#stopped) this.#isDoneWith(shardId, last);
    this.#busy = Math.max(0, this.#busy - records.length);
  }

  #isDoneWith(shardId: string, { dynamodb: { SequenceNumber } }: StreamRecord): void {
    this.#positions.set(this.#key(shardId), SequenceNumber);
    this.readTo = SequenceNumber;
  }

  /** One invocation: which records are done with, and which batches come next. */
  async #try(shardId: string, batch: Batch): Promise<{ passed: StreamRecord[]; again: Batch[] }> {
    const event = { Records: batch.records.map((record) => ({ ...record, eventSourceARN: this.#settings.streamArn })) };
    const outcome = await this.#target.invoke(event);
    this.#ticker.wake();
    // Whatever the end of the stack cut short is tried again at the next start.
    if (this.#stopped && 'failure' in outcome) return { passed: [], again: [] };
    const failedFrom = this.#firstFailure(batch, outcome);
    if (failedFrom === -1) return { passed: batch.records, again: [] };
    const passed = batch.records.slice(0, failedFrom);
    const rest = { ...batch, records: batch.records.slice(failedFrom), attempts: batch.attempts + 1 };
    // A batch that lost its first records is another batch: progress was made, so it is not held against the rest.
    if (passed.length > 0) return { passed, again: [{ ...rest, attempts: 0, since: performance.now() }] };
    const { retries, maximumAge, bisect } = this.#settings;
    const tooOld = maximumAge !== -1 && (performance.now() - batch.since) / 1000 > maximumAge;
    const usedUp = retries !== -1 && rest.attempts > retries;
    if (bisect && batch.records.length > 1 && !tooOld) {
      // Halving does not count as an attempt.
      const middle = Math.ceil(batch.records.length / 2);
      const halves = [batch.records.slice(0, middle), batch.records.slice(middle)];
      await this.#wait(rest.attempts);
      return { passed: [], again: halves.map((records) => ({ ...batch, records })) };
    }
    if (tooOld || usedUp) {
      await this.#giveUp(shardId, rest, tooOld ? 'RecordAgeExceeded' : 'RetryAttemptsExhausted');
      return { passed: rest.records, again: [] };
    }
    await this.#wait(rest.attempts);
    return { passed: [], again: [rest] };
  }

  async #wait(attempts: number): Promise<void> {
    this.#waiting = true;
    await this.#ticker.pause(backoff(attempts, 100, 60_000));
    this.#waiting = false;
  }

  /** Index of the record from which the batch has to come again; -1 = all are done. */
  #firstFailure({ records }: Batch, outcome: Outcome): number {
    if ('failure' in outcome) {
      const { errorType } = outcome.failure;
      this.#log.error(`${this.#target.settings.name}: ${errorType} with ${records.length} records of a stream`);
      return 0;
    }
    if (!this.#settings.reportsItemFailures) return -1;
    const failures = failedItems(outcome.value);
    if (failures === 'malformed') return 0;
    const places = failures.map((id) => records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === id));
    // As Lambda: an identifier that is not in the batch fails the whole batch.
    return places.length === 0 ? -1 : Math.max(0, Math.min(...places));
  }

  async #giveUp(shardId: string, { records, attempts }: Batch, condition: string): Promise<void> {
    const { name, arn } = this.#target.settings;
    this.#log.error(`${name}: ${condition}: ${records.length} records of a stream are given up`);
    const { streamArn, onFailure } = this.#settings;
    const place = { shardId, streamArn, functionArn: arn };
    await onFailure?.send(JSON.stringify(failureRecord(records, { ...place, condition, attempts })));
  }

  #complain(what: string, error: unknown, failures: number): void {
    if (this.#stopped || failures !== 0) return;
    const code = error instanceof AwsError ? (error.code ?? error.name) : 'failure';
    this.#log.error(`${this.#target.settings.name}: cannot ${what} its stream (${code}); trying again`);
  }
}

const shardEnd = 'END';
