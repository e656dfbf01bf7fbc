/* Cues by time. Pure. */
import type { SubtitleCue } from "../../../lib/host/bindings";

/** More at the same moment would only hide the film. */
export const MAX_SHOWN = 12;

export class CueList {
  readonly cues: readonly SubtitleCue[];
  /** The latest end among a cue and all before it: behind that no search has to go. */
  readonly #latestEnds: number[] = [];

  constructor(cues: readonly SubtitleCue[] = []) {
    this.cues = [...cues].sort((a, b) => a.start_secs - b.start_secs);
    let latest = -Infinity;
    for (const cue of this.cues) {
      latest = Math.max(latest, cue.end_secs);
      this.#latestEnds.push(latest);
    }
  }

  with(more: readonly SubtitleCue[]): CueList {
    return more.length === 0 ? this : new CueList([...this.cues, ...more]);
  }

  /** What is said at that moment, the newest last. */
  at(secs: number): SubtitleCue[] {
    let low = 0;
    let high = this.cues.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.cues[middle]?.start_secs ?? Infinity) <= secs) low = middle + 1;
      else high = middle;
    }
    const found: SubtitleCue[] = [];
    for (let index = low - 1; index >= 0 && found.length < MAX_SHOWN; index -= 1) {
      if ((this.#latestEnds[index] ?? 0) <= secs) break;
      const cue = this.cues[index];
      if (cue && cue.end_secs > secs) found.push(cue);
    }
    return found.reverse();
  }
}
