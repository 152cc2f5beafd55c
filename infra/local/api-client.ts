import { setTimeout as wait } from 'node:timers/promises';

/** The API said no, or could not be had. */
export class ApiError extends Error {
  readonly code: string;
  /** The same call again would be answered the same. */
  readonly isFinal: boolean;

  constructor(code: string, message: string, isFinal = false) {
    super(message);
    this.code = code;
    this.isFinal = isFinal;
  }
}

interface Call {
  type?: string;
  body?: Uint8Array | string;
}

/** How often a call is made before it is given up, and the longest wait between two, in milliseconds. */
export interface Perseverance {
  attempts: number;
  longestPause: number;
}

/** Calls the API as any partner does; what passes is tried again. */
export class ApiClient {
  readonly #url: string;
  readonly #key: string;
  readonly #perseverance: Perseverance;

  constructor(url: string, key: string, perseverance: Perseverance = { attempts: 12, longestPause: 30_000 }) {
    this.#url = url;
    this.#key = key;
    this.#perseverance = perseverance;
  }

  /** @throws ApiError */
  async call<Answer>(method: string, path: string, call: Call = {}): Promise<Answer> {
    return (await this.#send(method, path, call)).json() as Promise<Answer>;
  }

  /** Text, and where it goes on. @throws ApiError */
  async text(path: string): Promise<{ text: string; next?: string }> {
    const answer = await this.#send('GET', path, {});
    const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    return { text: await answer.text(), ...(next !== undefined && { next }) };
  }

  async #send(method: string, path: string, { type, body }: Call): Promise<Response> {
    const { attempts, longestPause } = this.#perseverance;
    const headers = { authorization: `Bearer ${this.#key}`, ...(type && { 'content-type': type }) };
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(`${this.#url}${path}`, {
        method,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(120_000),
        ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
      }).catch((error: unknown) => error as Error);
      if (!(answer instanceof Error) && answer.ok) return answer;
      const failure = answer instanceof Error ? new ApiError('no_answer', noAnswer(answer)) : await problemOf(answer);
      const told = answer instanceof Error ? null : answer.headers.get('retry-after');
      const passes = answer instanceof Error || told !== null || answer.status >= 500;
      if (!passes || attempt >= attempts) throw failure;
      const pause = told === null ? 500 * 2 ** (attempt - 1) : Number(told) * 1000;
      await wait(Math.min(longestPause, pause) * (0.75 + Math.random() / 2));
    }
  }
}

function noAnswer(error: Error): string {
  const cause =
    error.cause instanceof Error ? ((error.cause as NodeJS.ErrnoException).code ?? error.cause.name) : error.name;
  return `The API does not answer (${cause}).`;
}

async function problemOf(answer: Response): Promise<ApiError> {
  const said = await answer.json().catch(() => ({}));
  const { code, detail } = said as { code?: string; detail?: string };
  const message = detail ?? `The API answered ${answer.status}.`;
  const isFinal = [400, 409, 413, 415, 422].includes(answer.status) && !answer.headers.has('retry-after');
  return new ApiError(code ?? String(answer.status), message, isFinal);
}
