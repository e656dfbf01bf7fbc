/* When the button that skips an opening or the credits is on the screen by itself. */
import type { Chapter } from "../../lib/host/bindings";

export const SKIP_SHOWN_MS = 8_000;
/** What lies further apart than two reports of a film that runs, at four times its speed, is a jump. */
const RUNS_ON_SECS = 2.5;

export class SkipOffer {
  chapter = $state.raw<Chapter | null>(null);
  /** It is news: it is shown although nobody moves. */
  isFresh = $state(false);
  #atSecs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Told with each move of the film which chapter could be skipped. Gives whether the film has just run into it. */
  update(chapter: Chapter | null, secs: number): boolean {
    const before = this.#atSecs;
    this.#atSecs = secs;
    if (chapter?.start_secs === this.chapter?.start_secs) return false;
    this.chapter = chapter;
    clearTimeout(this.#timer);
    this.isFresh = chapter !== null;
    if (chapter === null) return false;
    this.#timer = setTimeout(() => (this.isFresh = false), SKIP_SHOWN_MS);
    // Whoever goes there by hand wants to see it.
    return before <= chapter.start_secs && secs - before < RUNS_ON_SECS;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
