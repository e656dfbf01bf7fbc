/*
 * A picture that should move and stands, although what follows it is there: a view may forget to go on, after a seek for one.
 * It is asked ever more firmly to go on.
 */
import { spansOf } from "./spans";

export const LOOK_EVERY_MS = 500;
export const FROZEN_AFTER_MS = 2_000;
/** As much has to be there for a standstill to be the view's own. */
export const AHEAD_SECS = 1;

/** A small seek; a pause and a start; everything anew from there. */
export type Help = "nudge" | "replay" | "reopen";
/** In a row; a view that stands all the same is left to the person. */
const HELPS: Help[] = ["nudge", "replay", "reopen", "reopen"];

export class FrozenWatch {
  #secs = Number.NaN;
  #sinceMs = 0;
  #helps = 0;

  /** Where the picture is, and whether it should move from there; gives what is to be done about it now. */
  look(shouldMove: boolean, secs: number, nowMs: number): Help | null {
    if (secs !== this.#secs) {
      // What is moved by a help has not moved by itself.
      if (Math.abs(secs - this.#secs) > 2 * NUDGE_SECS) this.#helps = 0;
      this.#secs = secs;
      this.#sinceMs = nowMs;
      return null;
    }
    if (!shouldMove) {
      this.#sinceMs = nowMs;
      return null;
    }
    if (nowMs - this.#sinceMs < FROZEN_AFTER_MS) return null;
    const help = HELPS[this.#helps] ?? null;
    this.#helps += 1;
    this.#sinceMs = nowMs;
    return help;
  }
}

/** Less than a frame is seen of it. */
export const NUDGE_SECS = 0.02;

export interface FrozenActions {
  /** It plays, and nothing is under way for which it could wait. */
  shouldMove(): boolean;
  replay(): void;
  reopen(): void;
}

/** Looks at a video now and again, and helps it. */
export class FrozenGuard {
  readonly #watch = new FrozenWatch();
  readonly #actions: FrozenActions;

  constructor(actions: FrozenActions) {
    this.#actions = actions;
  }

  look(video: HTMLVideoElement): void {
    const secs = video.currentTime;
    // A view that stands may tell nothing of what comes in.
    const isAhead = spansOf(video.buffered).some(
      (span) => span.startSecs <= secs && span.endSecs >= secs + AHEAD_SECS,
    );
    const shouldMove = isAhead && !video.paused && this.#actions.shouldMove();
    switch (this.#watch.look(shouldMove, secs, Date.now())) {
      case "nudge":
        video.currentTime = secs + NUDGE_SECS;
        return;
      case "replay":
        return this.#actions.replay();
      case "reopen":
        return this.#actions.reopen();
      case null:
    }
  }
}
