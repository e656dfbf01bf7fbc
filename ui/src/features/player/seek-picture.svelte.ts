/* The picture of the place below the pointer. The server makes it only from pieces that are here; nothing is fetched for it. */
import type { PlaybackId } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

/** Who moves along the bar wants the picture of where the pointer comes to rest. */
export const ASK_AFTER_MS = 60;
/** The bar is not finer than this. */
const STEPS = 400;
const KEPT_PICTURES = 80;
const TIMEOUT_MS = 15_000;

/** Gives the picture at an address, or null if there is none. */
export type FetchPicture = (address: string, signal: AbortSignal) => Promise<Blob | null>;

export class SeekPicture {
  address = $state<string | null>(null);
  /** What is shown is the picture of a place nearby, until the right one is here. */
  isStale = $state(false);

  readonly #host: Host;
  readonly #fetchPicture: FetchPicture;
  /** By step of the bar; the one that was looked at longest ago first. */
  readonly #kept = new Map<number, string>();
  #playbackId: PlaybackId | undefined;
  #step: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  constructor(host: Host, fetchPicture: FetchPicture = fetchFromServer) {
    this.#host = host;
    this.#fetchPicture = fetchPicture;
  }

  show(playbackId: PlaybackId, secs: number, durationSecs: number): void {
    if (playbackId !== this.#playbackId) {
      this.end();
      this.#playbackId = playbackId;
    }
    const stepSecs = Math.max(1, durationSecs / STEPS);
    const step = Math.floor(secs / stepSecs);
    if (step === this.#step) return;
    this.#leave();
    this.#step = step;
    const known = this.#kept.get(step);
    if (known !== undefined) {
      this.#kept.delete(step);
      this.#kept.set(step, known);
      this.address = known;
      this.isStale = false;
      return;
    }
    this.isStale = true;
    this.#timer = setTimeout(() => void this.#ask(playbackId, step, step * stepSecs), ASK_AFTER_MS);
  }

  hide(): void {
    this.#leave();
    this.#step = null;
    this.address = null;
  }

  end(): void {
    this.hide();
    for (const address of this.#kept.values()) URL.revokeObjectURL(address);
    this.#kept.clear();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  async #ask(playbackId: PlaybackId, step: number, secs: number): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    const signal = AbortSignal.any([asking.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const picture = await this.#host
      .serverUrl(`/media/${playbackId}/picture?at=${secs.toFixed(2)}`)
      .then((address) => this.#fetchPicture(address, signal))
      .catch(() => null);
    if (asking.signal.aborted) return;
    this.isStale = false;
    if (picture === null) {
      this.address = null;
      // Its pieces may have come when the pointer is back.
      return;
    }
    this.address = URL.createObjectURL(picture);
    this.#kept.set(step, this.address);
    const [oldest] = this.#kept;
    if (this.#kept.size > KEPT_PICTURES && oldest !== undefined) {
      this.#kept.delete(oldest[0]);
      URL.revokeObjectURL(oldest[1]);
    }
  }
}

async function fetchFromServer(address: string, signal: AbortSignal): Promise<Blob | null> {
  const response = await fetch(address, { signal, cache: "no-store" });
  return response.status === 200 ? response.blob() : null;
}
