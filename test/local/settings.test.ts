import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adminKey } from '../../infra/local/admin-key.ts';
import { readSettings } from '../../infra/local/settings.ts';
import { StartError } from '../../infra/local/start-error.ts';

const key = `rk_${'k'.repeat(29)}`;

describe('the settings of the local stack', () => {
  it('have defaults', () => {
    expect(readSettings({})).toEqual({ port: 8787, dataFolder: resolve('.rapport'), mail: {} });
  });

  it('are read from the environment', () => {
    expect(
      readSettings({
        PORT: '0',
        RAPPORT_DATA: '/tmp/shop',
        RAPPORT_ADMIN_KEY: key,
        RAPPORT_SENDER: 'My shop <hello@example.com>',
        RAPPORT_SMTP_URL: 'smtp://127.0.0.1:1025',
        AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000',
        AWS_ACCESS_KEY_ID: 'id',
        AWS_SECRET_ACCESS_KEY: 'secret',
      }),
    ).toEqual({
      port: 0,
      dataFolder: '/tmp/shop',
      adminKey: key,
      mail: { sender: 'My shop <hello@example.com>', smtpUrl: 'smtp://127.0.0.1:1025' },
      engine: { url: 'http://127.0.0.1:8000', credentials: { accessKeyId: 'id', secretAccessKey: 'secret' } },
    });
  });

  it('take one credential alone for none, and an empty text for nothing said', () => {
    const { engine } = readSettings({ AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000', AWS_ACCESS_KEY_ID: 'id' });
    expect(engine).toEqual({ url: 'http://127.0.0.1:8000' });
    expect(readSettings({ RAPPORT_SENDER: '', RAPPORT_SMTP_URL: '', AWS_ENDPOINT_URL_DYNAMODB: '' })).toEqual(
      readSettings({}),
    );
  });

  it.each([
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['RAPPORT_ADMIN_KEY', ''],
    ['RAPPORT_ADMIN_KEY', 'rk_short'],
    ['RAPPORT_ADMIN_KEY', 'k'.repeat(40)],
    ['RAPPORT_ADMIN_KEY', `${key} with spaces`],
    ['RAPPORT_ADMIN_KEY', `rk_${'k'.repeat(510)}`],
    ['RAPPORT_SENDER', 'nobody'],
    ['RAPPORT_SENDER', 'a@b.example\r\nBcc: c@d.example'],
    ['RAPPORT_SMTP_URL', 'mail.example.com:secret'],
    ['RAPPORT_SMTP_URL', 'http://user:secret@mail.example.com'],
    ['AWS_ENDPOINT_URL_DYNAMODB', 'localhost'],
    ['AWS_ENDPOINT_URL_DYNAMODB', 'ftp://localhost'],
  ])('refuse %s = %j by its name', (name, value) => {
    expect(() => readSettings({ [name]: value })).toThrow(StartError);
    expect(() => readSettings({ [name]: value })).toThrow(new RegExp(`^${name} must `));
  });

  it('keep what is secret out of the refusal', () => {
    const refusal = (environment: Record<string, string>) => {
      try {
        return readSettings(environment);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refusal({ RAPPORT_SMTP_URL: 'http://user:hidden@mail.example.com' })).not.toContain('hidden');
    expect(refusal({ RAPPORT_ADMIN_KEY: 'hidden' })).not.toContain('hidden');
  });
});

describe('the admin key', () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  it('is made anew until it was shown and kept, and then never again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rapport-key-'));
    const { made: neverShown } = adminKey(folder, undefined);
    const { made, hash } = adminKey(folder, undefined);
    expect(made?.key).toMatch(/^rk_[\w-]{32}$/);
    expect(made?.key).not.toBe(neverShown?.key);
    expect(hash).toBe(sha256(made?.key ?? ''));
    made?.keep();
    expect(adminKey(folder, undefined)).toEqual({ hash });
    expect(adminKey(folder, key)).toEqual({ hash: sha256(key) });
    expect(adminKey(folder, undefined)).toEqual({ hash });
    rmSync(folder, { recursive: true });
  });
});
