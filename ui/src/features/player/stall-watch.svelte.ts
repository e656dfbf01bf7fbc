/* Decides when a pause in the picture is worth a line: after a second, and then for at least a second. */
export const SHOW_AFTER_MS = 1_000;
export const SHOW_AT_LEAST_MS = 1_000;

export class StallWatch {
  isShown = $state(false);
  count = $state(0);

  #isDry = false;
  #shownAtMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  dry(): void {
    if (this.#isDry) return;
    this.#isDry = true;
    clearTimeout(this.#timer);
    if (this.isShown) return;
    this.#timer = setTimeout(() => {
      this.isShown = true;
      this.count += 1;
      this.#shownAtMs = Date.now();
    }, SHOW_AFTER_MS);
  }

  flowing(): void {
    if (!this.#isDry) return;
    this.#isDry = false;
    clearTimeout(this.#timer);
    if (!this.isShown) return;
    const left = SHOW_AT_LEAST_MS - (Date.now() - this.#shownAtMs);
    if (left <= 0) this.isShown = false;
    else this.#timer = setTimeout(() => (this.isShown = false), left);
  }

  reset(): void {
    clearTimeout(this.#timer);
    this.#isDry = false;
    this.isShown = false;
  }
}
