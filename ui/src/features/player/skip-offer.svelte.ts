/* When the button that skips an opening or the credits is on the screen by itself. */
import type { Chapter } from "../../lib/host/bindings";

export const SKIP_SHOWN_MS = 8_000;

export class SkipOffer {
  chapter = $state.raw<Chapter | null>(null);
  /** It is news: it is shown although nobody moves. */
  isFresh = $state(false);
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Told with each move of the film which chapter could be skipped. */
  update(chapter: Chapter | null): void {
    if (chapter?.start_secs === this.chapter?.start_secs) return;
    this.chapter = chapter;
    clearTimeout(this.#timer);
    this.isFresh = chapter !== null;
    if (chapter) this.#timer = setTimeout(() => (this.isFresh = false), SKIP_SHOWN_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
