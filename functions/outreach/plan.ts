import type { EventBridgeEvent } from 'aws-lambda';
import { plays } from '../../shared/domain/play.ts';
import { readTopTier } from '../../shared/dynamodb/top-tier.ts';
import { type PlanStores, planOutreach } from '../../shared/engine/plan.ts';
import { client, jobs, mint, now, people, registry } from './door.ts';
import { readOccasion } from './events.ts';

const stores: PlanStores = {
  ...people,
  readTopTier: () => readTopTier(client, registry),
  addJob: (job) => jobs.addJob(job),
};

/** From what happened to what is to be said, if anything. The job's way to its channel begins with the table's stream. */
export async function handler(event: EventBridgeEvent<string, unknown>): Promise<void> {
  const occasion = readOccasion(event);
  if (occasion) await planOutreach(occasion, plays, stores, await mint(), await now());
}
