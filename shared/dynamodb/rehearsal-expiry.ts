const days = 30;

/**
 * Until when what a preview, a replay or a backtest leaves is kept, in seconds since 1970.
 * @param realTime milliseconds since 1970
 */
export function rehearsalExpiry(realTime: number): number {
  return Math.floor(realTime / 1000) + days * 86_400;
}
