import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { logLines } from '../../shared/contracts/log-lines.ts';
import type { Instant } from '../../shared/domain/instant.ts';
import { plays } from '../../shared/domain/play.ts';
import { readTierNames } from '../../shared/dynamodb/tier-names.ts';
import { type PlanStores, planOutreach } from '../../shared/engine/plan.ts';
import { Problem } from '../../shared/engine/problem.ts';
import { client, jobs, mint, now, people, registry } from './door.ts';
import { readOccasion } from './events.ts';

const stores: PlanStores = {
  ...people,
  readTierNames: () => readTierNames(client, registry),
  readJob: (jobId) => jobs.readJob(jobId),
  addJob: (job) => jobs.addJob(job),
};

/**
 * From what happened to what is to be said, if anything. The job's way to its channel begins with the table's stream.
 * What has to come again is answered as a failure, message by message.
 */
export async function handler({ Records }: SQSEvent): Promise<SQSBatchResponse> {
  const at = await now();
  const done = await Promise.all(Records.map((message) => isDone(message, at)));
  return {
    batchItemFailures: Records.filter((_, i) => !done[i]).map(({ messageId }) => ({ itemIdentifier: messageId })),
  };
}

async function isDone({ messageId, body }: SQSRecord, at: Instant): Promise<boolean> {
  try {
    const occasion = readOccasion(body);
    if (occasion) await planOutreach(occasion, plays, stores, await mint(), at);
    return true;
  } catch (error) {
    const name = error instanceof Problem ? error.code : error instanceof Error ? error.name : typeof error;
    console.error(JSON.stringify({ level: 'error', message: logLines.PlanningBrokeOff, messageId, name }));
    return false;
  }
}
