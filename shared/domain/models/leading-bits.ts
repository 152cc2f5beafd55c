/*
 * Whole numbers in buckets of nearly equal relative width: all binary digits but the leading ones are set to zero. A
 * bucket of fewer digits holds whole buckets of more, so that taking digits off in steps comes to the same as at once.
 */

/** @param digits kept below the leading one; @returns the smallest number of the bucket */
export function leading(value: number, digits: number): number {
  return value - (value % widthAt(value, digits));
}

/** How many numbers the bucket of a value holds. */
export function widthAt(value: number, digits: number): number {
  if (value < 2 ** (digits + 1)) return 1;
  const high = Math.floor(value / 2 ** 32);
  const exponent = high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value);
  return exponent <= digits ? 1 : 2 ** (exponent - digits);
}
