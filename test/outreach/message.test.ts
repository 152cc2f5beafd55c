import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compose, emailSender, readMailbox } from '../../shared/channels/email.ts';
import { smtpTransport } from '../../shared/channels/email-smtp.ts';
import { messageOf, type Play, plays } from '../../shared/domain/play.ts';
import { showableName } from '../../shared/domain/template.ts';
import { aCustomer, aStanding } from '../fixtures/customer.ts';
import { aJob } from '../fixtures/outreach-job.ts';

const at = '2026-03-01T10:00:00.000Z';
const [thanks, recognise] = plays as [Play, Play];
const { trigger } = aJob();
const shop = { name: 'Café Nord', address: 'hello@nord.example' };

const named = (firstName: string) => aCustomer({ profile: { firstName: { value: firstName, at } } });
const composed = async (firstName: string, shopName = shop.name) => {
  const message = messageOf(thanks, trigger, named(firstName), shopName);
  return (await compose(shop, { jobId: 'job_1', address: 'ada@example.com', message, date: at })).toString();
};

describe('a message', () => {
  test('says what the play says, in the words of the customer', () => {
    expect(messageOf(thanks, trigger, aCustomer(), 'Café Nord')).toEqual({
      subject: 'Thank you for your first order at Café Nord',
      paragraphs: [
        'Dear Ada,',
        'Thank you for your first order with us. We are glad that you found Café Nord.',
        'If anything is not as you expected, just reply to this message.',
        'Warm regards,\nCafé Nord',
        'You receive this message because you agreed to e-mail from Café Nord.',
      ],
    });
    const change = { kind: 'tier', tier: 'platinum', previousTier: 'gold', runId: 'run_1' } as const;
    const { subject } = messageOf(recognise, change, aCustomer({ standing: aStanding() }), 'Nord');
    expect(subject).toBe('You are now among the platinum customers of Nord');
  });

  test('reads no value as a template, an expression or a pattern', () => {
    const message = messageOf(thanks, trigger, aCustomer(), "{firstName} #{7*7} <%= 7 %> {{constructor}} $& $'");
    expect(message.subject).toBe("Thank you for your first order at {firstName} #{7*7} <%= 7 %> {{constructor}} $& $'");
  });

  test.each(['Ada', 'Zoë', 'Jean-Luc', "D'Arcy", 'J. R.', '小明', 'Nguyễn Văn', ' Ada  Maria '])(
    'shows the name %j',
    (name) => {
      expect(showableName(name)).toBe(name.trim().replace(/\s+/g, ' '));
    },
  );

  test.each([
    'evil.com',
    'Win now at https://evil.example',
    'a@b.example',
    '<b>Ada</b>',
    'Ada\r\nBcc: all@example.com',
    'x'.repeat(41),
    '{tier}',
    '100%',
    '',
    '   ',
  ])('does not show the name %j', async (name) => {
    expect(showableName(name)).toBeUndefined();
    expect(await composed(name)).toContain('Dear customer,');
  });

  test('is whole: one head, plain text and HTML', async () => {
    const raw = await composed('Ada');
    const [head = ''] = raw.split('\r\n\r\n');
    expect(head).toContain('To: ada@example.com');
    expect(raw).toContain('Content-Type: text/plain; charset=utf-8');
    expect(raw).toContain('Content-Type: text/html; charset=utf-8');
    expect(raw).not.toMatch(/https?:/);
  });

  test('the same job gives the same bytes', async () => {
    expect(await composed('Ada')).toBe(await composed('Ada'));
  });

  test('no value adds a header, a recipient or a tag', async () => {
    const names = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.constantFrom('Ada', '<i>', 'a\r\nb'));
    const shops = fc.tuple(
      fc.string({ maxLength: 20 }),
      fc.constantFrom('\r\nBcc: all@example.com\r\n\r\n', '\n', '\0', ''),
    );
    await fc.assert(
      fc.asyncProperty(names, shops, async (name, [text, injection]) => {
        const raw = await composed(name, `${text}${injection}<script>alert("1")</script>`);
        const head = raw.slice(0, raw.indexOf('\r\n\r\n'));
        expect(head.match(/^(?!\s)[^:\r\n]*/gm)).toEqual(headerNames);
        expect(partOf(raw, 'text/plain')).toContain('<script>');
        expect(partOf(raw, 'text/html')).not.toContain('<script');
        expect(partOf(raw, 'text/html')).toContain('&lt;script&gt;alert(&quot;1&quot;)');
      }),
      { numRuns: 60 },
    );
  });
});

const headerNames = ['Auto-Submitted', 'From', 'To', 'Subject', 'Message-ID', 'Date', 'MIME-Version', 'Content-Type'];

/** The text of one part of a message, as a reader shows it. */
function partOf(raw: string, type: string): string {
  const [, boundary = ''] = /boundary="([^"]+)"/.exec(raw) ?? [];
  const part = raw.split(`--${boundary}`).find((text) => text.includes(`Content-Type: ${type}`)) ?? '';
  const start = part.indexOf('\r\n\r\n') + 4;
  const body = part.slice(start);
  if (/Content-Transfer-Encoding: base64/i.test(part.slice(0, start))) return Buffer.from(body, 'base64').toString();
  if (!/Content-Transfer-Encoding: quoted-printable/i.test(part.slice(0, start))) return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString();
}

describe('the sender', () => {
  test('gives the shop its name, else its domain does', () => {
    const nowhere = async () => ({ outcome: 'refused', reason: 'none' }) as const;
    expect(emailSender('Café Nord <hello@nord.example>', nowhere).shopName).toBe('Café Nord');
    expect(emailSender('hello@nord.example', nowhere).shopName).toBe('nord.example');
  });

  test.each(['', 'nobody', 'a@b.example, c@d.example'])('has to be one address: %j', (text) => {
    expect(() => readMailbox(text)).toThrow('not one e-mail address');
  });

  test.each(['', 'http://mail.example', 'mail.example:587'])('has to be reached by SMTP: %j', (url) => {
    expect(() => smtpTransport(url)).toThrow('SMTP_URL is no SMTP address');
  });
});
