import { type Figure, rounded, shown } from './figure.ts';
import type { NightAt } from './night.ts';

/** What comes between the two passes: adding up what the segments measured, and the cut points. */
export function fitFigure({ customers, fit, measure }: NightAt): Figure {
  return {
    name: 'fit',
    what: `model fit once measured, ${shown(customers)} customers`,
    bound: '< 1 s',
    measured: `${shown(fit)} s`,
    comparedWith: `measuring them: ${shown(measure)} s`,
    over: fit >= 1,
    values: { customers, seconds: rounded(fit, 3), measureSeconds: rounded(measure) },
  };
}
