import { existsSync, rmSync, statSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Log } from './log.ts';

/**
 * The engine looks for the last stream record of a table at every write, and has no index for it: writes become slower
 * with every record. The index makes them flat.
 *
 * It keeps stream records for ever, too. The tag `read-to` of a table takes away those before that number which are more
 * than a day old, as DynamoDB would; the last one numbers the next, so it stays, without what it says. A trigger on the
 * records themselves, as folders of before have one, is compiled anew for each that is written, which takes as long as
 * writing it.
 */
const additions = `
  DROP TRIGGER IF EXISTS rapport_trim;
  CREATE INDEX IF NOT EXISTS rapport_stream ON _stream_records(table_name, CAST(sequence_number AS INTEGER));
  CREATE TRIGGER IF NOT EXISTS rapport_read_to AFTER UPDATE OF tags ON _tables
  WHEN json_extract(NEW.tags, '$[0].Key') = 'read-to' BEGIN
    DELETE FROM _stream_records WHERE id IN (
      SELECT old.id FROM (
        SELECT id, created_at FROM _stream_records
        WHERE table_name = NEW.table_name
          AND CAST(sequence_number AS INTEGER) < CAST(json_extract(NEW.tags, '$[0].Value') AS INTEGER)
        ORDER BY CAST(sequence_number AS INTEGER) LIMIT 5000) AS old
      WHERE old.created_at < CAST(strftime('%s', 'now') AS INTEGER) - 86400);
    UPDATE _stream_records SET event_name = 'REMOVE', new_image = NULL, old_image = NULL
    WHERE table_name = NEW.table_name
      AND CAST(sequence_number AS INTEGER) = CAST(json_extract(NEW.tags, '$[0].Value') AS INTEGER)
      AND created_at < CAST(strftime('%s', 'now') AS INTEGER) - 86400
      AND (new_image IS NOT NULL OR old_image IS NOT NULL);
  END;`;

/** Milliseconds between two tidyings. */
const aDay = 86_400_000;
/** What is tidied lies in memory several times over. */
const mostBytes = 128 * 1024 * 1024;

/**
 * Makes the engine's file ready while no engine has it. Of what is deleted in it the bytes lie there still, until they
 * are written over: so once a day, at a start, the file is written anew without them.
 * @param engineWrites lets the engine open a file, write its schema and whatever its log holds, and end
 */
export async function prepareFile(
  file: string,
  engineWrites: (file: string) => Promise<void>,
  log: Log,
): Promise<void> {
  const tidied = `${file}.tidied`;
  if (!existsSync(file)) {
    const draft = `${file}.new`;
    for (const suffix of ['', '-wal', '-shm']) rmSync(draft + suffix, { force: true });
    await engineWrites(draft);
    await writeAnew(draft, draft);
    await rename(draft, file);
  } else {
    if (existsSync(tidied) && Date.now() - statSync(tidied).mtimeMs < aDay) return;
    const bytes = bytesOf(file) + bytesOf(`${file}-wal`);
    if (bytes > mostBytes) {
      log.info(
        `${file} is too large to be tidied at a start: deleted bytes stay in it until sqlite3 runs VACUUM on it`,
      );
      return;
    }
    if (bytesOf(`${file}-wal`) > 0) await engineWrites(file);
    // What the log still holds is in no other file.
    if (bytesOf(`${file}-wal`) > 0) return;
    await writeAnew(file, `${file}.new`);
    for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
    await rename(`${file}.new`, file);
  }
  await writeFile(tidied, '');
}

async function writeAnew(from: string, to: string): Promise<void> {
  const { default: initSqlJs } = await import('sql.js');
  const sql = await initSqlJs();
  const database = new sql.Database(await readFile(from));
  database.run(`PRAGMA journal_mode = DELETE; ${additions} VACUUM;`);
  await writeFile(to, database.export(), { flush: true });
  database.close();
}

function bytesOf(file: string): number {
  return existsSync(file) ? statSync(file).size : 0;
}
