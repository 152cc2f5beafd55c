import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { Sending } from '../engine/deliver.ts';
import type { EmailTransport } from './email.ts';

/** Milliseconds for one call, connection included; well below the function's own time. */
const timeLimit = 15_000;

/**
 * E-mail over SES v2 as raw MIME. The client must not try again by itself: SES has no key that would tell it that a
 * message whose answer was lost is the same one.
 */
export function sesTransport(): EmailTransport {
  const client = new SESv2Client({
    maxAttempts: 1,
    requestHandler: { requestTimeout: timeLimit, throwOnRequestTimeout: true },
  });
  return async ({ from, to, raw }) => {
    try {
      const { MessageId } = await client.send(
        new SendEmailCommand({
          FromEmailAddress: from,
          Destination: { ToAddresses: [to] },
          Content: { Raw: { Data: raw } },
        }),
      );
      return { outcome: 'accepted', providerMessageId: MessageId ?? '' };
    } catch (error) {
      return sendingOf(error);
    }
  };
}

const refusals = ['MessageRejected', 'BadRequestException'];

/** SES rejects every message of an account in its sandbox or a sender that is not verified: that is for the operator. */
const operatorsFault = /not verified|sandbox|paused|disabled/i;

/**
 * What an error says of the message. Only an answer that SES gave, or a connection that never came about, proves that
 * the message was not taken. Of errors only the name is kept: their texts repeat addresses.
 */
function sendingOf(error: unknown): Sending {
  if (!(error instanceof Error)) return { outcome: 'unknown', reason: 'ses:unknown' };
  const reason = `ses:${error.name}`;
  if (refusals.includes(error.name) && !operatorsFault.test(error.message)) return { outcome: 'refused', reason };
  const status = '$metadata' in error ? (error.$metadata as { httpStatusCode?: number }).httpStatusCode : undefined;
  const answered = status !== undefined && status >= 400 && status < 500;
  const neverConnected = 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'getaddrinfo');
  const neverAsked = error.name === 'CredentialsProviderError';
  return { outcome: answered || neverConnected || neverAsked ? 'not_accepted' : 'unknown', reason };
}
