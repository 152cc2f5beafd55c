import { isIP } from 'node:net';
import { Readable } from 'node:stream';
import SMTPConnection, { type SMTPConnectionOptions } from 'nodemailer/lib/smtp-connection';
import type { Sending } from '../engine/deliver.ts';
import type { EmailTransport, Letter } from './email.ts';

/** Milliseconds; all of it together stays well below the function's own time. */
const limits = { connectionTimeout: 5_000, greetingTimeout: 5_000, dnsTimeout: 5_000, socketTimeout: 12_000 };
const timeLimit = 20_000;

interface Server {
  options: SMTPConnectionOptions;
  credentials?: { user: string; pass: string };
}

/**
 * E-mail over SMTP, one connection for each message. Certificates are verified, and beyond this machine nothing is
 * said unencrypted.
 * @param url `smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465`
 */
export function smtpTransport(url: string): EmailTransport {
  const server = readServer(url);
  return (letter) => new Conversation(server, letter).hold();
}

/** @throws Error where the address is none of SMTP; the address itself is not repeated, it holds a password */
function readServer(text: string): Server {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || !['smtp:', 'smtps:'].includes(url.protocol)) throw new Error('SMTP_URL is no SMTP address');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'smtps:';
  return {
    options: {
      ...limits,
      host,
      port: url.port ? Number(url.port) : secure ? 465 : 587,
      secure,
      requireTLS: !secure && !isLoopback(host),
    },
    ...(url.username && {
      credentials: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
    }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** One connection with one message. */
class Conversation {
  readonly #server: Server;
  readonly #letter: Letter;
  /** True once the server has asked for the message: from here on it may have it. */
  #begun = false;

  constructor(server: Server, letter: Letter) {
    this.#server = server;
    this.#letter = letter;
  }

  hold(): Promise<Sending> {
    const { credentials, options } = this.#server;
    const connection = new SMTPConnection(options);
    return new Promise((resolve) => {
      const end = (sending: Sending) => {
        clearTimeout(timer);
        resolve(sending);
        if (sending.outcome === 'accepted') connection.quit();
        else connection.close();
      };
      const fail = (error: unknown) => end(this.#sendingOf(error));
      const timer = setTimeout(() => fail(new Error('time is up')), timeLimit);
      const send = () => {
        const { from, to, raw } = this.#letter;
        connection.send({ from, to: [to], size: raw.length }, this.#message(), (error, info) =>
          error || !info
            ? fail(error)
            : end({ outcome: 'accepted', providerMessageId: info.serverMessageId ?? 'accepted' }),
        );
      };
      connection.on('error', fail);
      connection.connect((error) => {
        if (error) fail(error);
        else if (!credentials) send();
        else connection.login({ credentials }, (refused) => (refused ? fail(refused) : send()));
      });
    });
  }

  #message(): Readable {
    const message = new Readable({
      read: () => {
        this.#begun = true;
        message.push(this.#letter.raw);
        message.push(null);
      },
    });
    return message;
  }

  /**
   * Before the server has asked for the message it cannot have taken it. Later only its own answer can tell. Refusals
   * of the recipient or the message are for ever; those of this sender or its password are for the operator to mend.
   */
  #sendingOf(error: unknown): Sending {
    const { code, command, responseCode } = (error ?? {}) as { code?: string; command?: string; responseCode?: number };
    const reason = `smtp:${responseCode ?? code ?? 'unknown'}`;
    const refusal = responseCode !== undefined && responseCode >= 500;
    if (this.#begun) {
      if (responseCode === undefined) return { outcome: 'unknown', reason };
      return { outcome: refusal ? 'refused' : 'not_accepted', reason };
    }
    const ofThisMessage = command === 'RCPT TO' || command === 'DATA';
    const impossible = code === 'EENVELOPE' && responseCode === undefined;
    return { outcome: (refusal && ofThisMessage) || impossible ? 'refused' : 'not_accepted', reason };
  }
}
