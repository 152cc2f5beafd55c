import { randomUUID } from 'node:crypto';
import type { Instant } from '../domain/instant.ts';
import type { HeldClock } from '../engine/advance-clock.ts';
import { Problem } from '../engine/problem.ts';
import type { Client } from './client.ts';
import { failedCondition } from './faults.ts';
import { clockKey } from './keys.ts';

/** A mover that died lets go after this long. */
const heldFor = 15_000;

/**
 * Takes hold of the test clock, so that two movers cannot cross.
 * @param realTime milliseconds since 1970, by no test clock
 * @throws Problem `clock_moving`
 */
export async function holdTestClock(client: Client, registry: string, realTime: () => number): Promise<HeldClock> {
  const mover = randomUUID();
  const nobodyHolds = 'attribute_not_exists(mover) OR heldUntil <= :realTime';
  const moverHolds = 'mover = :mover';

  const update = async (
    expression: string,
    condition: string,
    values: Record<string, unknown>,
    names?: Record<string, string>,
  ) => {
    try {
      return await client.update({
        TableName: registry,
        Key: clockKey,
        UpdateExpression: expression,
        ConditionExpression: condition,
        ExpressionAttributeValues: { ':mover': mover, ...values },
        ...(names && { ExpressionAttributeNames: names }),
        ReturnValues: 'ALL_NEW',
      });
    } catch (error) {
      if (!failedCondition(error)) throw error;
      throw new Problem(409, 'clock_moving', 'The test clock is being moved by another call.', { retryAfter: 1 });
    }
  };
  let heldUntil = 0;
  const until = () => {
    heldUntil = realTime() + heldFor;
    return heldUntil;
  };
  const now = { '#now': 'now' };

  const { Attributes } = await update('SET mover = :mover, heldUntil = :until', nobodyHolds, {
    ':until': until(),
    ':realTime': realTime(),
  });
  return {
    now: Attributes?.now as Instant | undefined,
    due: Attributes?.due as Instant | undefined,
    async move(to, due) {
      const values = { ':now': to, ':until': until(), ...(due !== undefined && { ':due': due }) };
      const change = due === undefined ? ' REMOVE due' : ', due = :due';
      await update(`SET #now = :now, heldUntil = :until${change}`, moverHolds, values, now);
    },
    async keep() {
      if (heldUntil - realTime() > heldFor / 2) return;
      await update('SET heldUntil = :until', moverHolds, { ':until': until() });
    },
    async unset() {
      await update('SET heldUntil = :until REMOVE #now, due', moverHolds, { ':until': until() }, now);
    },
    async release() {
      try {
        await update('REMOVE mover, heldUntil', moverHolds, {});
      } catch (error) {
        // Whoever lost the hold has nothing to let go of.
        if (!(error instanceof Problem && error.code === 'clock_moving')) throw error;
      }
    },
  };
}
