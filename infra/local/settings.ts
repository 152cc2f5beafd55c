import { resolve } from 'node:path';
import { senderPattern } from '../options.ts';
import { checkAdminKey } from './admin-key.ts';
import type { LocalStackOptions } from './stack.ts';
import { StartError } from './start-error.ts';

export interface Settings {
  port: number;
  dataFolder: string;
  adminKey?: string;
  engine?: NonNullable<LocalStackOptions['engine']>;
  /** Options of the CDK app. */
  mail: { sender?: string; smtpUrl?: string };
}

/**
 * Settings from environment variables.
 * @throws StartError naming the variable that is not understood
 */
export function readSettings(environment: Record<string, string | undefined>): Settings {
  const { PORT = '8787', RAPPORT_DATA = '.rapport', RAPPORT_ADMIN_KEY, AWS_ENDPOINT_URL_DYNAMODB } = environment;
  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535)
    throw new StartError(`PORT must be a number from 0 to 65535 (0 chooses a free one), not ${PORT}`);
  return {
    port: Number(PORT),
    dataFolder: resolve(RAPPORT_DATA),
    mail: readMail(environment),
    ...(RAPPORT_ADMIN_KEY === undefined ? {} : { adminKey: checkAdminKey(RAPPORT_ADMIN_KEY) }),
    ...(AWS_ENDPOINT_URL_DYNAMODB ? { engine: readEngine(AWS_ENDPOINT_URL_DYNAMODB, environment) } : {}),
  };
}

function readMail({
  RAPPORT_SENDER: sender,
  RAPPORT_SMTP_URL: smtpUrl,
}: Record<string, string | undefined>): Settings['mail'] {
  if (sender && !senderPattern.test(sender))
    throw new StartError(`RAPPORT_SENDER must be an address, or "My shop <hello@example.com>", not ${sender}`);
  // It may hold a password, and is not repeated.
  if (smtpUrl && !/^smtps?:\/\/[^\s/]/.test(smtpUrl))
    throw new StartError('RAPPORT_SMTP_URL must be an smtp:// or smtps:// address');
  return { ...(sender ? { sender } : {}), ...(smtpUrl ? { smtpUrl } : {}) };
}

function readEngine(url: string, environment: Record<string, string | undefined>): NonNullable<Settings['engine']> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new StartError(`AWS_ENDPOINT_URL_DYNAMODB must be an http:// or https:// address, not ${url}`);
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = environment;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) return { url };
  const credentials = { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY };
  return { url, credentials: { ...credentials, ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}) } };
}
