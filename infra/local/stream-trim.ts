import { AwsError } from '../../shared/aws/aws-error.ts';
import type { JsonCall } from '../../shared/aws/json-call.ts';
import type { Log } from './log.ts';

/** One that follows the stream of a table. */
export interface Follower {
  streamArn: string;
  /** The number of the last record that it is done with; nothing where it has read none. */
  readTo: string | undefined;
}

const pause = 60_000;

/** Lets the embedded engine forget stream records a day after they were made, once all who follow are done with them. */
export class StreamTrim {
  readonly #followers: readonly Follower[];
  readonly #engine: JsonCall;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(followers: readonly Follower[], engine: JsonCall, log: Log) {
    this.#followers = followers;
    this.#engine = engine;
    this.#log = log;
  }

  start(): void {
    this.#timer = setInterval(() => void this.trim(), pause);
    void this.trim();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  trim(): Promise<void> {
    this.#running = this.#running.then(() => this.#trimAll());
    return this.#running;
  }

  async #trimAll(): Promise<void> {
    for (const streamArn of new Set(this.#followers.map((follower) => follower.streamArn))) {
      const positions = this.#followers.filter((one) => one.streamArn === streamArn).map(({ readTo }) => readTo);
      const least = positions.reduce((a, b) => (a === undefined || b === undefined || BigInt(a) < BigInt(b) ? a : b));
      if (least === undefined || positions.includes(undefined)) continue;
      const [ResourceArn] = streamArn.split('/stream/');
      try {
        await this.#engine('DynamoDB_20120810.TagResource', { ResourceArn, Tags: [{ Key: 'read-to', Value: least }] });
      } catch (error) {
        const code = error instanceof AwsError ? (error.code ?? error.name) : 'failure';
        this.#log.error(`old records of a stream could not be taken away (${code}); it is tried again`);
      }
    }
  }
}
