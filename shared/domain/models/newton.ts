import { cholesky, inverseDiagonal, type Matrix, solve } from './cholesky.ts';

/** A function at a point, with its derivatives there. */
export interface Curve {
  value: number;
  gradient: Float64Array;
  /** Symmetric, row by row. */
  hessian: Matrix;
}

/** Where each coordinate may lie. */
export interface Box {
  least: readonly number[];
  most: readonly number[];
}

export interface Minimum {
  point: number[];
  value: number;
  iterations: number;
  /** Coordinates that were held at the edge of the box. */
  edge: number[];
  /** Of the inverse Hessian among the coordinates that are not at an edge; null for those that are. */
  variances: (number | null)[];
}

/**
 * So near to the minimum a step is taken untested: what it gains (half the Newton decrement squared) drowns in the rounding
 * of a large value, and so near Newton's method needs no test. Two such steps leave nothing to gain.
 */
const near = (value: number) => 1e-8 + 1e-11 * Math.abs(value);
const untested = 2;
/** Logarithms: no step changes a parameter by more than about the factor 20. */
const longest = 3;

/**
 * The minimum within a box by Newton's method, damped (Levenberg, Marquardt) where the curve is no bowl or the step
 * would not pay; coordinates that press against the edge are held there. The same input takes the same path to the bit.
 * @returns nothing where it is not found within so many iterations
 */
export function minimise(
  curveAt: (point: readonly number[]) => Curve,
  start: readonly number[],
  box: Box,
  mostIterations: number,
): Minimum | undefined {
  let point = inside(start, box);
  let curve = curveAt(point);
  let damping = 0;
  for (let iterations = 1; iterations <= mostIterations; iterations++) {
    const free = freeOf(point, curve, box);
    const pure = newtonStep(curve, free, 0);
    if (pure && pure.gain <= near(curve.value)) return settle(curveAt, { point, curve, free, box }, iterations);
    const next = descend(curveAt, { point, curve, free, box, damping });
    if (!next) return undefined;
    ({ point, curve, damping } = next);
  }
  return undefined;
}

interface Found {
  point: number[];
  curve: Curve;
  free: number[];
  box: Box;
}

interface State extends Found {
  damping: number;
}

/** The last steps, and what is known at their end. */
function settle(curveAt: (point: readonly number[]) => Curve, found: Found, iterations: number): Minimum | undefined {
  const { free, box } = found;
  let { point, curve } = found;
  for (let step = 0; step < untested; step++) {
    const last = newtonStep(curve, free, 0);
    if (!last) return undefined;
    point = moved(point, free, last.step, box);
    curve = curveAt(point);
  }
  const lower = newtonStep(curve, free, 0)?.lower;
  if (!lower) return undefined;
  const inverse = inverseDiagonal(lower, free.length);
  return {
    point,
    value: curve.value,
    iterations: iterations - 1 + untested,
    edge: point.flatMap((_, index) => (free.includes(index) ? [] : [index])),
    variances: point.map((_, index) => inverse[free.indexOf(index)] ?? null),
  };
}

/** A step that lowers the value, damped as much as that takes; nothing where there is none. */
function descend(curveAt: (point: readonly number[]) => Curve, state: State): Omit<State, 'free' | 'box'> | undefined {
  const { point, curve, free, box } = state;
  const unit = Math.max(...free.map((index) => Math.abs(curve.hessian[index * point.length + index] ?? 0)), 1e-8);
  let { damping } = state;
  for (let attempt = 0; attempt < 60; attempt++) {
    const found = newtonStep(curve, free, damping * unit);
    const length = found ? Math.max(...found.step.map(Math.abs)) : Number.POSITIVE_INFINITY;
    if (found && length <= longest) {
      const next = moved(point, free, found.step, box);
      const there = curveAt(next);
      const gained = curve.value - there.value;
      if (gained > 1e-4 * found.gain)
        return { point: next, curve: there, damping: gained > 0.5 * found.gain && damping < 1e-6 ? 0 : damping / 8 };
    }
    damping = Math.max(damping * 4, 1e-6);
  }
  return undefined;
}

/** All but those at an edge that the descent would leave the box by. */
function freeOf(point: readonly number[], { gradient }: Curve, { least, most }: Box): number[] {
  return point.flatMap((value, index) => {
    const slope = gradient[index] ?? 0;
    const isHeld = (value === least[index] && slope > 0) || (value === most[index] && slope < 0);
    return isHeld ? [] : [index];
  });
}

interface Step {
  step: Float64Array;
  /** What the quadratic promises. */
  gain: number;
  lower: Matrix;
}

function newtonStep({ gradient, hessian }: Curve, free: readonly number[], damping: number): Step | undefined {
  const size = gradient.length;
  const matrix = new Float64Array(free.length ** 2);
  free.forEach((row, i) => {
    free.forEach((column, j) => {
      matrix[i * free.length + j] = (hessian[row * size + column] ?? 0) + (i === j ? damping : 0);
    });
  });
  const lower = cholesky(matrix, free.length);
  if (!lower) return undefined;
  const down = Float64Array.from(free, (index) => -(gradient[index] ?? 0));
  const step = solve(lower, down);
  const gain = step.reduce((sum, length, index) => sum + (length * (down[index] ?? 0)) / 2, 0);
  return Number.isFinite(gain) ? { step, gain, lower } : undefined;
}

function moved(point: readonly number[], free: readonly number[], step: Float64Array, box: Box): number[] {
  const next = [...point];
  free.forEach((index, i) => {
    next[index] = (point[index] ?? 0) + (step[i] ?? 0);
  });
  return inside(next, box);
}

function inside(point: readonly number[], { least, most }: Box): number[] {
  return point.map((value, index) =>
    Math.min(Math.max(value, least[index] ?? Number.NEGATIVE_INFINITY), most[index] ?? Number.POSITIVE_INFINITY),
  );
}
