/* Holding Space or the left button runs the film at double speed until it is let go. */
import type { PlayerController } from "./player-controller.svelte";

export const HOLD_AFTER_MS = 500;

export class Holding {
  readonly #player: PlayerController;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(player: PlayerController) {
    this.#player = player;
  }

  get isHeld(): boolean {
    return this.#player.speed.isHeld;
  }

  /** The key repeats: its first press has paused or started the film, which now runs. */
  keyRepeats(): void {
    if (this.#player.speed.isHeld || this.#player.phase !== "ready") return;
    this.#player.play();
    this.#player.speed.hold(true);
  }

  pointerDown(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#player.wantsToPlay && this.#player.phase === "ready") this.#player.speed.hold(true);
    }, HOLD_AFTER_MS);
  }

  /** Gives whether something was held: the click that follows means nothing then. */
  release(): boolean {
    clearTimeout(this.#timer);
    const wasHeld = this.#player.speed.isHeld;
    this.#player.speed.hold(false);
    return wasHeld;
  }
}
