import { SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2';
import type { SQSEvent } from 'aws-lambda';

const ses = new SESv2Client({});

export async function handler({ Records }: SQSEvent) {
  const batchItemFailures: { itemIdentifier: string }[] = [];
  for (const { body, messageId } of Records) {
    const { id } = JSON.parse(body).detail as { id: string };
    if (id.includes('undeliverable')) {
      batchItemFailures.push({ itemIdentifier: messageId });
      continue;
    }
    const message = `From: Small <small@example.com>\r\nTo: ${id}@example.com\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello ${id}\r\n`;
    await ses.send(new SendEmailCommand({ Content: { Raw: { Data: Buffer.from(message) } } }));
  }
  return { batchItemFailures };
}
