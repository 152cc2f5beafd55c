import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Message } from '../domain/play.ts';
import type { Outgoing, Sender, Sending } from '../engine/deliver.ts';

/** A whole message with its envelope. */
export interface Letter {
  from: string;
  to: string;
  raw: Uint8Array;
}

/** Hands a message to a provider, once. */
export type EmailTransport = (letter: Letter) => Promise<Sending>;

export interface Mailbox {
  name: string;
  address: string;
}

/** @throws Error where the configured sender is not one mailbox */
export function readMailbox(text: string): Mailbox {
  const [mailbox, ...others] = addressparser(text, { flatten: true });
  if (!mailbox?.address?.includes('@') || others.length > 0) throw new Error('the sender is not one e-mail address');
  return { name: mailbox.name, address: mailbox.address };
}

/**
 * E-mail as a way out.
 * @param from `Shop <shop@example.com>`: the name is how the shop is called in texts, else the domain is
 */
export function emailSender(from: string, transport: EmailTransport): Sender {
  const sender = readMailbox(from);
  return {
    shopName: sender.name || domainOf(sender.address),
    async send(outgoing) {
      const raw = await compose(sender, outgoing);
      return transport({ from: withAsciiDomain(sender.address), to: withAsciiDomain(outgoing.address), raw });
    },
  };
}

/**
 * The message as it travels (RFC 5322). Sender and recipient are given as parts, never as text to be parsed, and
 * nothing can be fetched from files or addresses. The same job gives the same Message-ID.
 */
export function compose(sender: Mailbox, { jobId, address, message, date }: Outgoing): Promise<Buffer> {
  const composer = new MailComposer({
    from: sender,
    to: { name: '', address },
    subject: message.subject,
    date: new Date(date),
    messageId: `<${jobId}@${domainToASCII(domainOf(sender.address))}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    text: message.paragraphs.join('\n\n'),
    html: htmlOf(message),
    baseBoundary: jobId,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

const style = {
  body: 'margin:0;padding:24px;background:#ffffff;color:#222222;font:16px/1.5 Georgia,serif',
  letter: 'max-width:560px;margin:0 auto',
  note: 'margin:32px 0 0;padding-top:12px;border-top:1px solid #dddddd;color:#666666;font-size:13px',
};

function htmlOf({ subject, paragraphs }: Message): string {
  const shown = paragraphs.map((paragraph, i) => {
    const text = escaped(paragraph).replaceAll('\n', '<br>\n');
    return i === paragraphs.length - 1 ? `<p style="${style.note}">${text}</p>` : `<p>${text}</p>`;
  });
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escaped(subject)}</title>`,
    '<meta name="viewport" content="width=device-width"></head>',
    `<body style="${style.body}"><div style="${style.letter}">`,
    ...shown,
    '</div></body></html>',
  ].join('\n');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] as string);
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

function withAsciiDomain(address: string): string {
  return address.slice(0, address.lastIndexOf('@') + 1) + domainToASCII(domainOf(address));
}
