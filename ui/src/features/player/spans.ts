/* What of the film is ready, as plain values. */
export interface TimeSpan {
  startSecs: number;
  endSecs: number;
}

/** The last pictures of a span are not enough to start from. */
const END_MARGIN_SECS = 0.1;

export function spansOf(ranges: TimeRanges): TimeSpan[] {
  return Array.from({ length: ranges.length }, (_, index) => ({
    startSecs: ranges.start(index),
    endSecs: ranges.end(index),
  }));
}

/** Whether the film can go on from there without anything new. */
export function isReadyAt(spans: readonly TimeSpan[], secs: number): boolean {
  return spans.some((span) => span.startSecs <= secs && secs <= span.endSecs - END_MARGIN_SECS);
}
