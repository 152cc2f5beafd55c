import { AwsError } from '../aws/aws-error.ts';
import { accessOf, type Patience } from '../aws/json-call.ts';
import { bucketAccess, objectCaller } from '../aws/object-call.ts';
import type { PartBodies } from '../engine/part-bodies.ts';
import { StoreRefusal, storeUnavailable } from '../engine/problem.ts';

/** A part of a few megabytes takes a second; a step has five minutes, and is repeated. */
const usual: Patience = { requestTimeout: 20_000, connectionTimeout: 2_000, maxAttempts: 6, firstPause: 100 };

/**
 * Bodies of parts as objects of a bucket. Endpoint, region and credentials come from the environment.
 * @throws Problem `store_unavailable` for what passes
 * @throws StoreRefusal for all else that S3 answers
 */
export function partBodies(bucket: string, patience = usual): PartBodies {
  const objects = objectCaller(bucketAccess(accessOf('s3', process.env), bucket), patience);
  return {
    put: (name, body) => told(objects.put(name, body)),
    get: (name) => told(objects.get(name)),
    drop: (name) => told(objects.delete(name)),
  };
}

async function told<Answer>(call: Promise<Answer>): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw error.passing ? storeUnavailable(error) : new StoreRefusal(error, error.name === 'EntityTooLarge');
  }
}
