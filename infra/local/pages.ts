import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeadLetterOffice, DeadLetters } from './dead-letters.ts';
import type { LocalPages } from './gateway.ts';
import { readHeaders, readTexts } from './mail.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';
import type { Status } from './status.ts';

/** The pages below `/_local/`: they belong to the stack, not to the API. */
export function localPages(outbox: Outbox, office: DeadLetterOffice, status: () => Promise<Status>): LocalPages {
  return async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (!isLocal(request)) {
      write(response, 403, 'text/plain; charset=utf-8', 'this page is for this machine alone');
      return true;
    }
    const redriven = /^\/_local\/dead-letters\/([\w-]+)\/redrive$/.exec(url.pathname)?.[1];
    if (request.method === 'POST' && redriven) return redrive(office, redriven, request, response);
    if (request.method !== 'GET') return false;
    if (url.pathname === '/_local/status') {
      write(response, 200, 'application/json', JSON.stringify(await status()));
      return true;
    }
    if (url.pathname === '/_local/outbox') {
      const entries = await outbox.list();
      if (url.searchParams.get('format') === 'json') write(response, 200, 'application/json', JSON.stringify(entries));
      else write(response, 200, html, listPage(entries.slice(0, 500), entries.length));
      return true;
    }
    if (url.pathname === '/_local/dead-letters') {
      const letters = office.list();
      if (url.searchParams.get('format') === 'json') write(response, 200, 'application/json', JSON.stringify(letters));
      else write(response, 200, html, deadLettersPage(letters));
      return true;
    }
    const path = /^\/_local\/outbox\/([\w-]+)(\.eml|\/html)?$/.exec(url.pathname);
    const message = path?.[1] === undefined ? undefined : await outbox.read(path[1]);
    if (!path?.[1] || !message) return false;
    if (path[2] === '.eml') write(response, 200, 'message/rfc822', message);
    else if (path[2] === '/html') writeMail(response, readTexts(message).html ?? '');
    else write(response, 200, html, messagePage(path[1], message));
    return true;
  };
}

const html = 'text/html; charset=utf-8';

/** A page of another origin may reach this port under a name of its own; it gets nothing to see. */
function isLocal({ headers }: IncomingMessage): boolean {
  return /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/i.test(headers.host ?? '');
}

/** What a program asks for, or this very page: a browser says when another page asks. */
function isFromHere({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return site === undefined ? headers.origin === undefined : site === 'same-origin';
}

async function redrive(
  office: DeadLetterOffice,
  queue: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  request.resume();
  if (!isFromHere(request)) {
    write(response, 403, 'text/plain; charset=utf-8', 'another page may not ask for this');
    return true;
  }
  const moved = await office.redrive(queue);
  if (moved === undefined) return false;
  if (request.headers['sec-fetch-site'] === undefined)
    write(response, 200, 'application/json', JSON.stringify({ moved }));
  else response.writeHead(303, { location: '/_local/dead-letters' }).end();
  return true;
}

function write(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'",
  });
  response.end(body);
}

/** The message's own HTML: no scripts, nothing from elsewhere, no origin; shown in a frame of the message's page. */
function writeMail(response: ServerResponse, body: string): void {
  response.writeHead(200, {
    'content-type': html,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy':
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
  });
  response.end(body);
}

function listPage(entries: readonly OutboxEntry[], total: number): string {
  const rows = entries.map(
    ({ href, to, subject, date }) =>
      `<tr><td><a href="${escaped(href)}">${escaped(subject || '(no subject)')}</a></td><td>${escaped(to)}</td><td>${escaped(date)}</td></tr>`,
  );
  const list =
    rows.length === 0
      ? '<p class="empty">Nothing has been sent yet.</p>'
      : `<table><thead><tr><th>Subject</th><th>To</th><th>Date</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
  const count = total === 1 ? '1 message' : `${total} messages`;
  return page('Outbox', `<h1>Outbox <small>${count}</small></h1>${list}`);
}

function deadLettersPage(letters: readonly DeadLetters[]): string {
  const rows = letters.map(
    ({ queue, messages, returnable, oldest }) =>
      `<tr><td>${escaped(queue)}</td><td>${messages}</td><td>${oldest ?? ''}</td><td>${
        returnable === 0
          ? ''
          : `<form method="post" action="/_local/dead-letters/${escaped(queue)}/redrive"><button>Re-drive ${returnable}</button></form>`
      }</td></tr>`,
  );
  return page(
    'Dead letters',
    `<h1>Dead letters</h1><table><thead><tr><th>Queue</th><th>Messages</th><th>Oldest</th><th></th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  );
}

function messagePage(id: string, message: Buffer): string {
  const headers = readHeaders(message);
  const { html: markup, text } = readTexts(message);
  const fields = (['from', 'to', 'date'] as const).map((name) => `<dt>${name}</dt><dd>${escaped(headers[name])}</dd>`);
  const frame = `<iframe sandbox src="/_local/outbox/${id}/html" title="The message"></iframe>`;
  const plain = text === undefined ? '' : `<pre>${escaped(text)}</pre>`;
  const both = markup !== undefined && text !== undefined;
  const body =
    markup === undefined ? plain : frame + (both ? `<details><summary>As plain text</summary>${plain}</details>` : '');
  return page(
    headers.subject,
    `<nav><a href="/_local/outbox">← Outbox</a><a href="/_local/outbox/${id}.eml">Source</a></nav>
<h1>${escaped(headers.subject || '(no subject)')}</h1><dl>${fields.join('')}</dl>${body}`,
  );
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body><main>${body}</main></body></html>`;
}

const style = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 15%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.4rem; margin: 0 0 1rem; }
small, dt, th { font-weight: normal; opacity: .6; font-size: .85rem; }
table { width: 100%; border-collapse: collapse; }
th, td { text-align: left; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td:last-child { white-space: nowrap; opacity: .7; }
a { color: light-dark(#0b57d0, #8ab4f8); text-decoration: none; } a:hover { text-decoration: underline; }
nav { display: flex; justify-content: space-between; margin-bottom: 1.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0 0 1.25rem; }
dt { text-transform: capitalize; } dd { margin: 0; overflow-wrap: anywhere; }
iframe { width: 100%; height: 65vh; border: 1px solid var(--line); border-radius: 8px; background: #fff; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid var(--line); border-radius: 8px; font: 14px/1.5 ui-monospace, monospace; }
details { margin-top: 1rem; } summary { cursor: pointer; opacity: .7; } .empty { opacity: .6; }
`;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
