/*
 * Exponential and logarithm of our own. ECMAScript fixes the last bit of + − × ÷, and leaves that of Math.exp and
 * Math.log to the engine: they may differ between processors and versions of V8, and a run that is replayed elsewhere
 * has to come out the same to the bit. After fdlibm (Sun Microsystems 1993), within one unit in the last place.
 * Math.sqrt is relied on: one instruction, which IEEE 754 has rounded correctly.
 */

const ln2High = 0.6931471803691238;
const ln2Low = 1.9082149292705877e-10;
const perLn2 = Math.LOG2E;

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);
/** Where the word with the exponent lies: machines differ. */
const high = new Int32Array(new Float64Array([1]).buffer)[0] === 0 ? 1 : 0;

const leastPower = -1074;
/** Powers of two from 2^−1074 to 2^1023, exact. */
const powers = powersOfTwo();

function powersOfTwo(): Float64Array {
  const all = new Float64Array(1023 - leastPower + 1);
  let power = 1;
  for (let exponent = 0; exponent <= 1023; exponent++, power *= 2) all[exponent - leastPower] = power;
  power = 0.5;
  for (let exponent = -1; exponent >= leastPower; exponent--, power /= 2) all[exponent - leastPower] = power;
  return all;
}

/** e^x; 0 below −745, infinite above 709.7. */
export function exp(x: number): number {
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.1332191019411) return 0;
  const k = Math.floor(perLn2 * x + 0.5);
  const upper = x - k * ln2High;
  const lower = k * ln2Low;
  const r = upper - lower;
  const rr = r * r;
  const c =
    r -
    rr *
      (0.16666666666666602 +
        rr *
          (-0.0027777777777015593 +
            rr * (6.613756321437934e-5 + rr * (-1.6533902205465252e-6 + rr * 4.1381367970572385e-8))));
  const y = 1 + ((r * c) / (2 - c) - lower + upper);
  if (k > 1023) return y * 2 * power(k - 1);
  // In two steps where the result is subnormal, so that it is rounded once.
  return k < -1022 ? y * power(k + 60) * power(-60) : y * power(k);
}

function power(exponent: number): number {
  return powers[exponent - leastPower] as number;
}

const rootHalf = Math.SQRT1_2;
const leastNormal = 2.2250738585072014e-308;
const intoNormal = 18014398509481984; // 2^54

/** Natural logarithm; −∞ at 0, NaN below. */
export function ln(x: number): number {
  // The frequent cases need no look at the bits.
  if (x >= rootHalf && x < Math.SQRT2) return lnOf(x - 1, 0);
  if (x >= 1 && x < 0x40000000) return lnByWhole(x, 0);
  if (x < 1 && x >= 1 / 0x20000000) return lnByWhole(x * 0x20000000, -29);
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  return x < leastNormal ? lnByBits(x * intoNormal, -54) : lnByBits(x, 0);
}

/** The same for 1 ≤ x < 2^30: an integer shows its highest bit. */
function lnByWhole(x: number, exponent: number): number {
  const k = 31 - Math.clz32(x);
  const m = x / (1 << k);
  return m < Math.SQRT2 ? lnOf(m - 1, k + exponent) : lnOf(m / 2 - 1, k + 1 + exponent);
}

/** Brings a normal number to between the roots of 1/2 and 2. */
function lnByBits(x: number, exponent: number): number {
  double[0] = x;
  const shifted = (words[high] as number) + (0x3ff00000 - 0x3fe6a09e);
  words[high] = (shifted & 0xfffff) + 0x3fe6a09e;
  return lnOf((double[0] as number) - 1, (shifted >> 20) - 0x3ff + exponent);
}

/** ln((1 + f) 2^k) */
function lnOf(f: number, k: number): number {
  const half = 0.5 * f * f;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605106586)));
  return s * (half + odd + even) + k * ln2Low - half + f + k * ln2High;
}

/** ln(1 + x) without loss where x is small. */
export function ln1p(x: number): number {
  const sum = 1 + x;
  // What rounding took from the sum is given back in proportion (Kahan).
  return sum === 1 || x === Number.POSITIVE_INFINITY ? x : ln(sum) * (x / (sum - 1));
}

/** e^x − 1 without loss where x is small. */
export function expm1(x: number): number {
  const grown = exp(x);
  // The same in reverse, where it matters: near 0 the logarithm is of a number without all its digits.
  if (Math.abs(x) > 40) return grown - 1;
  return grown === 1 ? x : (grown - 1) * (x / ln(grown));
}
