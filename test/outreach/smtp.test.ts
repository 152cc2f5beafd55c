import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { variables } from '../../shared/contracts/environment.ts';
import { aCustomer } from '../fixtures/customer.ts';
import { aJob } from '../fixtures/outreach-job.ts';
import { Smtp, type SmtpReplies } from './provider.ts';
import { invocation, request, Shop } from './shop.ts';

let shop: Shop;
let smtp: Smtp;
let deliver: typeof import('../../functions/outreach/deliver.ts').handler;
let jobId: string;
let count = 0;

beforeAll(async () => {
  shop = await Shop.open();
  const opened = await Smtp.open();
  smtp = opened.smtp;
  process.env[variables.sender] = 'hello@nord.example';
  process.env[variables.smtpUrl] = opened.url;
  deliver = (await import('../../functions/outreach/deliver.ts')).handler;
  await shop.putCustomer(aCustomer());
});
afterAll(async () => {
  smtp.close();
  delete process.env[variables.smtpUrl];
  await shop.close();
});
beforeEach(async () => {
  vi.spyOn(console, 'info').mockImplementation(() => undefined);
  smtp.replies = {};
  smtp.taken.length = 0;
  jobId = `job_${++count}`;
  await shop.addJob(aJob({ id: jobId }));
});

const attempt = async (received = 1) =>
  (await deliver({ Records: [request(jobId, 'message', received)] }, invocation('1'))).batchItemFailures.length === 0;

describe('e-mail over SMTP', () => {
  test('leaves once, and the connection is closed', async () => {
    expect(await attempt()).toBe(true);
    expect(await attempt(2)).toBe(true);
    expect(smtp.taken).toHaveLength(1);
    expect(smtp.taken[0]?.from).toMatch(/^MAIL FROM:<hello@nord\.example>/);
    expect(smtp.taken[0]?.to).toBe('RCPT TO:<ada@example.com>');
    expect(smtp.taken[0]?.message).toContain('Dear Ada,');
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
    await vi.waitFor(() => expect(smtp.openConnections).toBe(0));
  });

  const later: [string, SmtpReplies][] = [
    ['a greeting that turns away', { greeting: '421 too busy' }],
    ['a server that hangs up at once', { greeting: 'close' }],
    ['a recipient to be tried later', { RCPT: '450 4.2.0 greylisted' }],
    ['a sender that the operator has to mend', { MAIL: '550 5.7.1 not yours' }],
    ['a hang-up before the message', { DATA: 'close' }],
    ['a message put off by the server', { message: '451 4.3.0 try again' }],
  ];
  test.each(later)('%s: tried again', async (_, replies) => {
    smtp.replies = replies;
    expect(await attempt()).toBe(false);
    expect(await shop.job(jobId)).toMatchObject({ status: 'requested', reason: expect.stringMatching(/^smtp:/) });
    smtp.replies = {};
    expect(await attempt(2)).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'sent' });
    expect(smtp.taken).toHaveLength(1);
  });

  const refusals: [string, SmtpReplies][] = [
    ['recipient', { RCPT: '550 5.1.1 no such user' }],
    ['message', { message: '554 5.7.1 looks like spam' }],
  ];
  test.each(refusals)('a refused %s fails for ever', async (_, replies) => {
    smtp.replies = replies;
    expect(await attempt()).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'failed', reason: expect.stringMatching(/^smtp:55[04]$/) });
    smtp.replies = {};
    expect(await attempt(2)).toBe(true);
    expect(smtp.taken).toHaveLength(0);
  });

  test('a hang-up after the message leaves it unconfirmed', async () => {
    smtp.replies = { message: 'close' };
    expect(await attempt()).toBe(true);
    smtp.replies = {};
    expect(await attempt(2)).toBe(true);
    expect(await shop.job(jobId)).toMatchObject({ status: 'unconfirmed' });
    expect(smtp.taken).toHaveLength(0);
  });
});
