import type { Instant } from '../../shared/domain/instant.ts';
import { invalid } from '../../shared/http/validate.ts';

/** @throws Problem `invalid_request` at `pointer` where a range of time ends before it begins */
export function refuseNoTime(from: Instant | undefined, to: Instant | undefined, pointer: string): void {
  if (from !== undefined && to !== undefined && to <= from) throw invalid([{ pointer, detail: 'must be after from' }]);
}
