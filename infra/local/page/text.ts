/** Numbers and days as people read them. */
export function whole(number: number): string {
  return number.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `Sep 1997`, of a day or a month. */
export function monthName(day: string): string {
  return new Date(day).toLocaleDateString('en-US', { month: 'short', year: 'numeric', timeZone: 'UTC' });
}
