/*
 * The offer of the next file: from when on, and which, Rust says in the ticket. The end of the stream alone starts
 * nothing, for a cut connection looks just like it.
 */
import type { NeighborFile, PlaybackTicket } from "../../lib/host/bindings";

export const START_AFTER_SECS = 10;

export interface NextUpInput {
  ticket: PlaybackTicket | null;
  positionSecs: number;
  isPlaying: boolean;
  isEnded: boolean;
}

export class NextUp {
  file = $state.raw<NeighborFile | null>(null);
  leftSecs = $state(START_AFTER_SECS);
  #isDismissed = false;
  #playbackId = "";

  /** Told how the film stands; shows or hides the offer. */
  update({ ticket, positionSecs }: NextUpInput): void {
    if (ticket?.playback_id !== this.#playbackId) {
      this.#playbackId = ticket?.playback_id ?? "";
      this.#isDismissed = false;
    }
    const at = ticket?.next_up_at_secs ?? null;
    const isTime = at !== null && positionSecs >= at;
    if (!isTime) {
      this.#isDismissed = false;
      this.leftSecs = START_AFTER_SECS;
    }
    this.file = isTime && !this.#isDismissed ? (ticket?.next_file ?? null) : null;
  }

  /** A second has passed. Gives the file to go on with when the time is over. */
  tick({ isPlaying, isEnded }: NextUpInput): NeighborFile | null {
    if (this.file === null) return null;
    if (isEnded) return this.file;
    if (isPlaying) this.leftSecs -= 1;
    return this.leftSecs <= 0 ? this.file : null;
  }

  /** The credits are watched to their end. */
  dismiss(): void {
    this.#isDismissed = true;
    this.file = null;
  }
}
