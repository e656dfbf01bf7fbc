/* Which stretch of a film's subtitles is asked for next. Pure. */

export const WINDOW_SECS = 30;
/** Around the window of the present moment, in the order in which they are wanted: the film goes on, and a seek back is usual. */
const WANTED = [0, 1, -1, 2, 3] as const;

export const windowAt = (secs: number): number => Math.max(0, Math.floor(secs / WINDOW_SECS));

/** The windows that should be here at that moment. */
export function wantedAt(secs: number, durationSecs: number | null): number[] {
  const here = windowAt(secs);
  const last = durationSecs === null ? Infinity : windowAt(durationSecs);
  return WANTED.map((step) => here + step).filter((window) => window >= 0 && window <= last);
}

export function spanOf(window: number): { from_secs: number; to_secs: number } {
  return { from_secs: window * WINDOW_SECS, to_secs: (window + 1) * WINDOW_SECS };
}
