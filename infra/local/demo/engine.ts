import { Agent, request } from 'node:http';
import type { Delivery } from './messages.ts';

/** The engine as anybody outside sees it: over HTTP, with the admin key. */
export class Engine {
  readonly #url: string;
  readonly #key: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.#call('GET', path, { authorization: `Bearer ${this.#key}` }) as Promise<Answer>;
  }

  put<Answer>(path: string, content: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' };
    return this.#call('PUT', path, headers, JSON.stringify(content)) as Promise<Answer>;
  }

  /** Posts as a shop does: a delivery that was not answered with a 2xx is posted again. */
  async deliver({ path, headers, body }: Delivery): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { status } = (await this.#call('POST', path, headers, body)) as { status: string };
        return status;
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(method: string, path: string, headers: Record<string, string>, body?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = request(`${this.#url}${path}`, { method, headers, agent: this.#agent }, (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          const ok = answer.statusCode !== undefined && answer.statusCode < 300;
          if (ok) resolve(JSON.parse(text));
          else reject(new Error(`${method} ${path} was answered ${answer.statusCode}: ${text.slice(0, 300)}`));
        });
        answer.on('error', reject);
      });
      call.on('error', reject);
      call.end(body);
    });
  }
}
