/** The little of RFC 5322, 2045 and 2047 that it takes to show a message. */
interface Part {
  headers: Map<string, string>;
  body: Buffer;
}

const shown = ['to', 'from', 'subject', 'date', 'x-local-received'] as const;

export function readHeaders(message: Buffer): Record<(typeof shown)[number], string> {
  const { headers } = readPart(message.subarray(0, 65_536));
  const entries = shown.map((name) => [name, decodeWords(headers.get(name) ?? '')] as const);
  return Object.fromEntries(entries) as Record<(typeof shown)[number], string>;
}

/** The readable parts of a message. */
export function readTexts(message: Buffer): { html?: string; text?: string } {
  const found: { html?: string; text?: string } = {};
  collect(readPart(message), found, 0);
  return found;
}

const deepest = 8;

function collect(part: Part, found: { html?: string; text?: string }, depth: number): void {
  const type = part.headers.get('content-type') ?? 'text/plain';
  const boundary = /boundary="?([^";]+)"?/i.exec(type)?.[1];
  if (/^multipart\//i.test(type) && boundary && depth < deepest) {
    for (const inner of split(part.body, boundary)) collect(readPart(inner), found, depth + 1);
    return;
  }
  if (/^attachment/i.test(part.headers.get('content-disposition') ?? '')) return;
  if (/^text\/html/i.test(type)) found.html ??= decodeBody(part);
  else if (/^text\/plain/i.test(type)) found.text ??= decodeBody(part);
}

function readPart(raw: Buffer): Part {
  const text = raw.toString('latin1');
  const gap = /\r?\n\r?\n/.exec(text);
  const head = gap ? text.slice(0, gap.index) : text;
  const headers = new Map<string, string>();
  for (const line of head.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    if (colon > 0 && !headers.has(name))
      headers.set(name, Buffer.from(line.slice(colon + 1).trim(), 'latin1').toString('utf8'));
  }
  return { headers, body: gap ? raw.subarray(gap.index + gap[0].length) : Buffer.alloc(0) };
}

function split(body: Buffer, boundary: string): Buffer[] {
  const text = `\n${body.toString('latin1')}`;
  const pieces = text.split(`\n--${boundary}`).slice(1);
  return pieces
    .filter((piece) => !piece.startsWith('--'))
    .map((piece) => Buffer.from(piece.replace(/^[^\n]*\n/, '').replace(/\r$/, ''), 'latin1'));
}

function decodeBody({ headers, body }: Part): string {
  const encoding = (headers.get('content-transfer-encoding') ?? '').toLowerCase();
  const bytes =
    encoding === 'base64'
      ? Buffer.from(body.toString('latin1'), 'base64')
      : encoding === 'quoted-printable'
        ? quotedPrintable(body.toString('latin1').replace(/=\r?\n/g, ''))
        : body;
  return decodeCharset(bytes, /charset="?([\w-]+)"?/i.exec(headers.get('content-type') ?? '')?.[1]);
}

function quotedPrintable(text: string): Buffer {
  return Buffer.from(
    text.replace(/=([0-9A-F]{2})/gi, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function decodeCharset(bytes: Buffer, charset = 'utf-8'): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('utf8');
  }
}

/** Encoded words: `=?UTF-8?Q?Gr=C3=BC=C3=9Fe?=`; white space between two of them is no part of the text. */
function decodeWords(text: string): string {
  return text
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?([\w-]+)\?([QB])\?([^?]*)\?=/gi, (_whole, charset: string, kind: string, word: string) =>
      decodeCharset(
        kind.toUpperCase() === 'B' ? Buffer.from(word, 'base64') : quotedPrintable(word.replace(/_/g, ' ')),
        charset,
      ),
    );
}
