import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server, type Socket } from 'node:net';

/** What the provider does with the next message; `accept` when nothing is planned. */
export type SesBehaviour = 'accept' | 'throttle' | 'reject' | 'break' | 'take and hang up' | 'hang up';

/** SES v2 as far as `POST /v2/email/outbound-emails`, on this machine. */
export class Ses {
  /** Raw messages that were taken. */
  readonly taken: string[] = [];
  readonly destinations: unknown[] = [];
  readonly planned: SesBehaviour[] = [];
  /** Held answers wait for it. */
  gate: Promise<void> = Promise.resolve();
  calls = 0;
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => void this.#answer(request.url, Buffer.concat(chunks).toString(), response));
  });

  static async open(): Promise<Ses> {
    const ses = new Ses();
    process.env.AWS_ENDPOINT_URL_SESV2 = await listen(ses.#server);
    return ses;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(url: string | undefined, body: string, response: ServerResponse): Promise<void> {
    const behaviour = this.planned.shift() ?? 'accept';
    this.calls++;
    await this.gate;
    if (url !== '/v2/email/outbound-emails') return fail(response, 404, 'NotFoundException');
    if (behaviour === 'throttle') return fail(response, 429, 'TooManyRequestsException');
    if (behaviour === 'reject') return fail(response, 400, 'MessageRejected');
    if (behaviour === 'break') return fail(response, 500, 'InternalServiceErrorException');
    if (behaviour === 'hang up') return void response.destroy();
    const { Content, Destination } = JSON.parse(body);
    this.taken.push(Buffer.from(Content.Raw.Data, 'base64').toString());
    this.destinations.push(Destination);
    if (behaviour === 'take and hang up') return void response.destroy();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ MessageId: `ses-${this.taken.length}` }));
  }
}

function fail(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type });
  response.end(JSON.stringify({ message: 'not delivered to ada@example.com' }));
}

/** Replies that differ from the usual, by the command that they answer; `close` hangs up instead. */
export type SmtpReplies = Partial<Record<'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'message', string>>;

/** An SMTP server (RFC 5321) as far as one message, on this machine. */
export class Smtp {
  readonly taken: { from: string; to: string; message: string }[] = [];
  replies: SmtpReplies = {};
  readonly #sockets = new Set<Socket>();
  readonly #server = createSocketServer((socket) => this.#serve(socket));

  static async open(): Promise<{ smtp: Smtp; url: string }> {
    const smtp = new Smtp();
    return { smtp, url: (await listen(smtp.#server)).replace('http', 'smtp') };
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    let buffered = '';
    let from = '';
    let to = '';
    let inMessage = false;
    const reply = (place: keyof SmtpReplies, usual: string) => {
      const text = this.replies[place] ?? usual;
      if (text === 'close') socket.destroy();
      else socket.write(`${text}\r\n`);
      return text === usual;
    };
    reply('greeting', '220 local ESMTP');
    socket.on('data', (chunk) => {
      buffered += chunk.toString();
      for (;;) {
        const end = buffered.indexOf(inMessage ? '\r\n.\r\n' : '\r\n');
        if (end === -1) return;
        const text = buffered.slice(0, end);
        buffered = buffered.slice(end + (inMessage ? 5 : 2));
        if (inMessage) {
          inMessage = false;
          if (reply('message', '250 2.0.0 Ok: queued as A1B2C3')) this.taken.push({ from, to, message: text });
        } else if (/^EHLO/i.test(text)) reply('EHLO', '250 local');
        else if (/^MAIL/i.test(text) && reply('MAIL', '250 ok')) from = text;
        else if (/^RCPT/i.test(text) && reply('RCPT', '250 ok')) to = text;
        else if (/^DATA/i.test(text)) inMessage = reply('DATA', '354 go on');
        else if (/^QUIT/i.test(text)) socket.end('221 bye\r\n');
      }
    });
  }
}

function listen(server: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}
