import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import initSqlJs from 'sql.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startDynoxide } from '../../infra/local/dynoxide.ts';
import { engineClient } from '../../infra/local/engine-client.ts';
import { silentLog } from '../../infra/local/log.ts';
import { StreamTrim } from '../../infra/local/stream-trim.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rapport-trim-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const TableName = 'people';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

async function withEngine<Result>(
  work: (
    call: <Answer>(action: string, input: object) => Promise<Answer>,
    trim: (...readTo: string[]) => Promise<void>,
  ) => Promise<Result>,
): Promise<Result> {
  const running = await startDynoxide(folder, silentLog);
  const engine = engineClient({ url: running.url, region: 'eu-west-1', credentials });
  try {
    return await work(
      (action, input) => engine.call(action.includes('.') ? action : `DynamoDB_20120810.${action}`, input),
      async (...readTo) => {
        const streamArn = await streamOf(engine.call);
        await new StreamTrim(
          readTo.map((one) => ({ streamArn, readTo: one || undefined })),
          engine.call,
          silentLog,
        ).trim();
      },
    );
  } finally {
    engine.close();
    await running.stop();
  }
}

async function streamOf(call: <Answer>(action: string, input: object) => Promise<Answer>): Promise<string> {
  const { Table } = await call<{ Table: { LatestStreamArn: string } }>('DynamoDB_20120810.DescribeTable', {
    TableName,
  });
  return Table.LatestStreamArn;
}

const put = (pk: string, says: string) => ({ TableName, Item: { pk: { S: pk }, says: { S: says } } });

/** Five writes, of which the first three are more than a day old. */
async function fiveRecords(): Promise<void> {
  await withEngine(async (call) => {
    await call('CreateTable', {
      TableName,
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    for (const number of [1, 2, 3, 4, 5]) await call('PutItem', put(`p${number}`, `word ${number}`));
  });
  await change('UPDATE _stream_records SET created_at = created_at - 86500 WHERE id <= 3');
}

const file = () => join(folder, 'engine.db');

async function change(statement: string): Promise<void> {
  const database = new (await initSqlJs()).Database(readFileSync(file()));
  database.run(statement);
  writeFileSync(file(), database.export());
}

async function kept(): Promise<unknown[][]> {
  const database = new (await initSqlJs()).Database(readFileSync(file()));
  const [answer] = database.exec(
    "SELECT sequence_number, coalesce(new_image, '') LIKE '%word%' FROM _stream_records ORDER BY id",
  );
  return answer?.values ?? [];
}

describe('records of a stream', () => {
  test('go a day after they were made, once everybody is done with them', async () => {
    await fiveRecords();
    await withEngine(async (_, trim) => {
      await trim('5', '');
      await trim('2', '5');
    });
    // The second is where somebody stands: it stays without what it says.
    expect(await kept()).toEqual([
      ['2', 0],
      ['3', 1],
      ['4', 1],
      ['5', 1],
    ]);
    await withEngine(async (_, trim) => trim('5', '5'));
    expect(await kept()).toEqual([
      ['4', 1],
      ['5', 1],
    ]);
    await change('UPDATE _stream_records SET created_at = created_at - 86500');
    await withEngine(async (call, trim) => {
      await trim('5', '5');
      await call('PutItem', put('p6', 'word 6'));
    });
    expect(await kept()).toEqual([
      ['5', 0],
      ['6', 1],
    ]);
  });

  test('whoever goes on from where it stood misses none', async () => {
    await fiveRecords();
    const numbers = await withEngine(async (call, trim) => {
      await trim('3');
      const StreamArn = await streamOf(call);
      const described = await call<{ StreamDescription: { Shards: { ShardId: string }[] } }>(
        'DynamoDBStreams_20120810.DescribeStream',
        { StreamArn },
      );
      const ShardId = described.StreamDescription.Shards[0]?.ShardId;
      const from = { StreamArn, ShardId, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '3' };
      const { ShardIterator } = await call<{ ShardIterator: string }>(
        'DynamoDBStreams_20120810.GetShardIterator',
        from,
      );
      const { Records } = await call<{ Records: { dynamodb: { SequenceNumber: string } }[] }>(
        'DynamoDBStreams_20120810.GetRecords',
        { ShardIterator },
      );
      return Records.map(({ dynamodb }) => dynamodb.SequenceNumber);
    });
    expect(numbers).toEqual(['4', '5']);
  });
});

test('of what was deleted no byte is left after the first start of a day', async () => {
  const secret = 'ada@secret.example ';
  await fiveRecords();
  await withEngine(async (call) => {
    await call('PutItem', put('p9', secret.repeat(2_000)));
    await call('DeleteItem', { TableName, Key: { pk: { S: 'p9' } } });
  });
  await change('DELETE FROM _stream_records WHERE id > 5');
  const holds = () => readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(secret));
  await withEngine(async () => undefined);
  expect(holds()).toEqual(['engine.db']);
  const aDayAgo = Date.now() / 1000 - 86_500;
  utimesSync(`${file()}.tidied`, aDayAgo, aDayAgo);
  await withEngine(async (call) => {
    const { Count } = await call<{ Count: number }>('Scan', { TableName });
    expect(Count).toBe(5);
  });
  expect(holds()).toEqual([]);
  expect(await kept()).toHaveLength(5);
});

test('what only the log of an engine holds that was killed is there after the file was tidied', async () => {
  await fiveRecords();
  const killed = join(folder, 'killed');
  await withEngine(async (call) => {
    await call('PutItem', put('p6', 'word 6'));
    for (const name of ['engine.db', 'engine.db-wal']) cpSync(join(folder, name), join(killed, name));
  });
  expect(readFileSync(join(killed, 'engine.db-wal')).length).toBeGreaterThan(0);
  const own = folder;
  folder = killed;
  const counted = await withEngine((call) => call<{ Count: number }>('Scan', { TableName }));
  expect(counted.Count).toBe(6);
  expect(readdirSync(killed)).toContain('engine.db.tidied');
  folder = own;
});
