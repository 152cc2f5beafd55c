import { exp, ln1p } from './elementary.ts';

export interface ValueTerms {
  /** From now on. */
  horizonDays: number;
  /** Of money, by the year: 0.1 for 10 %. */
  discountRate: number;
  /** What of a purchase's value remains: 0.4 for 40 %. */
  margin: number;
}

const daysPerYear = 365;

/**
 * What a customer is worth from now on, in the unit of the mean value: margin × mean value × purchases to come within the
 * horizon, each discounted for the days until it is expected.
 * @param rate expected purchases a day when so many days have passed, P(alive) included
 * @param scale days within which the rate changes: α + T of the purchase models
 */
export function lifetimeValue(
  rate: (days: number) => number,
  scale: number,
  meanValue: number,
  terms: ValueTerms,
): number {
  return terms.margin * meanValue * discountedPurchases(rate, scale, terms);
}

/**
 * Purchases to come, each counted as (1 + discount rate)^(−days / 365). By Gauss's rule of twenty points in the logarithm of
 * time, in which the rate changes evenly however young the customer is.
 */
export function discountedPurchases(
  rate: (days: number) => number,
  scale: number,
  { horizonDays, discountRate }: Pick<ValueTerms, 'horizonDays' | 'discountRate'>,
): number {
  if (!(horizonDays > 0)) return 0;
  const interest = ln1p(discountRate) / daysPerYear;
  const width = ln1p(horizonDays / scale);
  const at = (share: number) => {
    const grown = exp(width * share);
    const days = scale * (grown - 1);
    return rate(days) * exp(-interest * days) * scale * grown;
  };
  let sum = 0;
  for (const [point, weight] of gauss) sum += weight * (at((1 - point) / 2) + at((1 + point) / 2));
  return (sum * width) / 2;
}

/** Points and weights of the rule between −1 and 1 (Gauss and Legendre), of which each stands for its opposite, too. */
const gauss: readonly (readonly [point: number, weight: number])[] = [
  [0.07652652113349734, 0.15275338713072584],
  [0.22778585114164507, 0.14917298647260374],
  [0.37370608871541955, 0.14209610931838204],
  [0.5108670019508271, 0.13168863844917664],
  [0.636053680726515, 0.11819453196151843],
  [0.7463319064601508, 0.10193011981724044],
  [0.8391169718222188, 0.08327674157670475],
  [0.912234428251326, 0.06267204833410907],
  [0.9639719272779138, 0.04060142980038694],
  [0.9931285991850949, 0.017614007139152118],
];
