const STEPS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4] as const;
/** The ones that a menu has room for. */
export const OFFERED_SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4] as const;

export const HELD_RATE = 2;

/** How fast the film runs. It stays as it is from one film to the next. */
export class SpeedControl {
  rate = $state(1);
  /** Runs at double speed for as long as somebody holds a key or the pointer down. */
  isHeld = $state(false);
  #video: HTMLVideoElement | null = null;

  attach(video: HTMLVideoElement): void {
    this.#video = video;
    this.apply();
  }

  /** A newly loaded film starts with the view's own speed. */
  apply(): void {
    if (this.#video) this.#video.playbackRate = this.isHeld ? HELD_RATE : this.rate;
  }

  set(rate: number): void {
    this.rate = rate;
    this.apply();
  }

  hold(isHeld: boolean): void {
    if (this.isHeld === isHeld) return;
    this.isHeld = isHeld;
    this.apply();
  }

  step(direction: 1 | -1): void {
    const faster = STEPS.find((speed) => speed > this.rate);
    const slower = STEPS.findLast((speed) => speed < this.rate);
    this.set((direction === 1 ? faster : slower) ?? this.rate);
  }
}
