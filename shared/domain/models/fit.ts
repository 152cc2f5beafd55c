import { exp, ln } from './elementary.ts';
import { type Curve, minimise } from './newton.ts';

/** What a fit by maximum likelihood came to. */
export type Fit<Parameters> = Fitted<Parameters> | Unfitted;

export interface Fitted<Parameters> {
  fitted: true;
  parameters: Parameters;
  logLikelihood: number;
  /** By the curvature at the maximum; null for a parameter at the edge, and where others make it undetermined. */
  standardErrors: { [Name in keyof Parameters]: number | null };
  iterations: number;
  /** How many customers were fitted to. */
  customers: number;
  /** Parameters that ran to the edge of what is looked at: the data would have them without bound, or zero. */
  edge: (keyof Parameters)[];
}

export interface Unfitted {
  fitted: false;
  because: Because;
  customers: number;
}

/**
 * - `fewCustomers`, `noRepeaters`: fewer than the terms ask for
 * - `noConvergence`: no maximum was found within the iterations
 * - `meaningless`: the maximum says nothing: a parameter at the edge, or a mean that does not exist
 */
export type Because = 'fewCustomers' | 'noRepeaters' | 'noConvergence' | 'meaningless';

/** When a fit is attempted, and believed. */
export interface FitTerms {
  leastCustomers: number;
  /** Customers with a repeat purchase. */
  leastRepeaters: number;
  mostIterations: number;
  /**
   * Whether a maximum at the edge counts: it forecasts well (nobody ever leaves; all buy at one rate), and its parameters
   * mean nothing by themselves.
   */
  acceptEdge: boolean;
}

/** Fits on 100 customers forecast the whole at 69 % to 145 % of the full one: below 500 buyers there are better means. */
export const nightlyTerms: FitTerms = {
  leastCustomers: 500,
  leastRepeaters: 50,
  mostIterations: 200,
  acceptEdge: false,
};

/** Whatever can be fitted at all. */
export const anyTerms: FitTerms = { leastCustomers: 2, leastRepeaters: 1, mostIterations: 200, acceptEdge: true };

/** A likelihood whose parameters are positive, in the order of `names`. */
export interface Likelihood<Name extends string> {
  names: readonly Name[];
  /** Parameters of a likely size. */
  start: readonly number[];
  /** Where the search begins, if not there. */
  near?: readonly number[] | undefined;
  /** How many times smaller or larger than at the start a parameter may become. */
  span: readonly number[];
  /** Minus the log-likelihood, with derivatives by the logarithms of the parameters. */
  curveAt(parameters: readonly number[]): Curve;
}

/** Maximises over the logarithms of the parameters, which keeps them positive and makes their scales alike. */
export function maximise<Name extends string>(
  { names, start, near = start, span, curveAt }: Likelihood<Name>,
  customers: number,
  { mostIterations, acceptEdge }: FitTerms,
): Fit<Record<Name, number>> {
  const from = start.map(ln);
  const box = {
    least: from.map((value, index) => value - ln(span[index] ?? 1)),
    most: from.map((value, index) => value + ln(span[index] ?? 1)),
  };
  const found = minimise((point) => curveAt(point.map(exp)), near.map(ln), box, mostIterations);
  if (!found) return { fitted: false, because: 'noConvergence', customers };
  if (found.edge.length > 0 && !acceptEdge) return { fitted: false, because: 'meaningless', customers };
  const named = <Value>(value: (index: number) => Value) =>
    Object.fromEntries(names.map((name, index) => [name, value(index)])) as Record<Name, Value>;
  const parameters = named((index) => exp(found.point[index] ?? Number.NaN));
  return {
    fitted: true,
    parameters,
    logLikelihood: -found.value,
    standardErrors: named((index) => {
      const variance = found.variances[index] ?? null;
      return variance === null ? null : Math.sqrt(variance) * exp(found.point[index] ?? Number.NaN);
    }),
    iterations: found.iterations,
    customers,
    edge: names.filter((_, index) => found.edge.includes(index)),
  };
}
