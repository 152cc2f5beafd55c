import * as z from 'zod/mini';
import { instant, instantIn, named } from './common.ts';

export const clockIn = named('TestClockGiven', z.strictObject({ now: instantIn }));

export const clock = named(
  'TestClock',
  z.strictObject({ now: instant, frozen: z.boolean().check(z.describe('False while real time runs')) }),
);
