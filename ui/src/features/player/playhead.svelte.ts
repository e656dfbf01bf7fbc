/* Where the film is; or, while a jump is on its way, where it was told to go. */
export const SEEK_DEBOUNCE_MS = 150;

export class Playhead {
  #videoSecs = $state(0);
  #wantedSecs = $state<number | null>(null);
  readonly positionSecs = $derived(this.#wantedSecs ?? this.#videoSecs);

  #handTimer: ReturnType<typeof setTimeout> | undefined;
  #isPictureSeeking = false;

  get isJumping(): boolean {
    return this.#wantedSecs !== null;
  }

  /** Somebody still looks for a place. */
  get isHandBusy(): boolean {
    return this.#handTimer !== undefined;
  }

  want(secs: number): void {
    this.#wantedSecs = secs;
    clearTimeout(this.#handTimer);
    this.#handTimer = undefined;
  }

  /** Something that is only worth it when the hand rests. */
  whenHandRests(action: () => void): void {
    clearTimeout(this.#handTimer);
    this.#handTimer = setTimeout(() => {
      this.#handTimer = undefined;
      action();
    }, SEEK_DEBOUNCE_MS);
  }

  /** Gives whether the video's clock has moved. */
  follow(video: HTMLVideoElement): boolean {
    const hasMoved = video.currentTime !== this.#videoSecs;
    this.#videoSecs = video.currentTime;
    return hasMoved;
  }

  pictureSeeks(isSeeking: boolean): void {
    this.#isPictureSeeking = isSeeking;
  }

  /** Some views forget a position that was set before they knew the stream; then it is set again. */
  recall(video: HTMLVideoElement, toleranceSecs: number): void {
    if (this.#wantedSecs !== null && Math.abs(video.currentTime - this.#wantedSecs) > toleranceSecs) {
      video.currentTime = this.#wantedSecs;
    }
  }

  /** From here on the video's own time counts, unless a newer jump is on its way. Gives whether it does. */
  settle(video: HTMLVideoElement): boolean {
    if (this.isHandBusy || this.#isPictureSeeking || video.seeking) return false;
    this.#videoSecs = video.currentTime;
    this.#wantedSecs = null;
    return true;
  }

  reset(): void {
    clearTimeout(this.#handTimer);
    this.#handTimer = undefined;
    this.#isPictureSeeking = false;
    this.#wantedSecs = null;
    this.#videoSecs = 0;
  }
}
