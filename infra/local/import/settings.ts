import { type ImportFormat, importFormats } from '../../../shared/contracts/imports.ts';
import { type ApiAccess, readAccess } from '../api-access.ts';
import { readOptions, UsageError } from '../command.ts';

export interface ImportSettings extends ApiAccess {
  file: string;
  sourceId: string;
  /** Absent: found out from the file. */
  format?: ImportFormat;
  /** Begins anew although an earlier run left off in the middle. */
  restart: boolean;
}

export const help = `npm run import -- --source ID FILE: records a file of history; it sets off no outreach.

  --source ID     the source whose orders these are
  --format NAME   ${importFormats.slice(0, 3).join(', ')},
                  ${importFormats.slice(3).join(', ')}; default: found out from the file
  --url URL       where Rapport answers; default RAPPORT_URL, else http://127.0.0.1:8787
  --key KEY       a key with the scopes imports:read and imports:write; default RAPPORT_KEY
  --restart       begin anew, although an earlier run left off in the middle
  --help          this text

The file may have any size: NDJSON, CSV, or a JSON array. A run that was interrupted goes on where it was when the same
command is given again (it keeps FILE.import.json beside the file until it is done). What could not be recorded is
written to FILE.errors.ndjson, with line, code and detail. Ends with status 0 only when all was recorded.
`;

/**
 * @returns nothing where help was asked for
 * @throws UsageError
 */
export function readImportSettings(
  given: readonly string[],
  environment: Record<string, string | undefined>,
): ImportSettings | undefined {
  const { values, positionals } = parsed(given);
  if (values.help) return undefined;
  const [file, ...more] = positionals;
  if (!file || more.length > 0) throw new UsageError('Name one file.');
  if (!values.source) throw new UsageError('Name the source: --source ID.');
  const { format } = values;
  if (format !== undefined && !isFormat(format))
    throw new UsageError(`--format must be one of ${importFormats.join(', ')}.`);
  return {
    file,
    sourceId: values.source,
    ...(format && { format }),
    ...readAccess(values, environment),
    restart: values.restart ?? false,
  };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readOptions({
    args: [...given],
    allowPositionals: true,
    options: { source: text, format: text, url: text, key: text, restart: flag, help: { ...flag, short: 'h' } },
  });
}

function isFormat(name: string): name is ImportFormat {
  return (importFormats as readonly string[]).includes(name);
}
