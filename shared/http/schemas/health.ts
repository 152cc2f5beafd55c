import * as z from 'zod/mini';
import { instant, named } from './common.ts';

export const health = named('Health', z.strictObject({ status: z.literal('ok'), stage: z.string(), time: instant }));
