/* Keeps the screen on while a film runs, where the view can. */
interface Sentinel {
  release(): Promise<void>;
}

export interface WakeLocks {
  request(): Promise<Sentinel>;
}

const systemLocks = (): WakeLocks | null =>
  "wakeLock" in navigator ? { request: () => navigator.wakeLock.request("screen") } : null;

export class Awake {
  readonly #locks: WakeLocks | null;
  #isWanted = false;
  #held: Sentinel | null = null;
  #isAsking = false;

  constructor(locks: WakeLocks | null = systemLocks()) {
    this.#locks = locks;
  }

  /** Views take the lock away with the page's visibility: told once more, this asks again. */
  want(isWanted: boolean, isRenewal = false): void {
    this.#isWanted = isWanted;
    if (isRenewal) this.#held = null;
    void this.#settle();
  }

  async #settle(): Promise<void> {
    if (this.#isAsking) return;
    if (!this.#isWanted) {
      const held = this.#held;
      this.#held = null;
      await held?.release().catch(() => undefined);
      return;
    }
    if (this.#held !== null || this.#locks === null) return;
    this.#isAsking = true;
    // Refused, as for a page in the background: the film plays on.
    this.#held = await this.#locks.request().catch(() => null);
    this.#isAsking = false;
    if (!this.#isWanted) await this.#settle();
  }
}
