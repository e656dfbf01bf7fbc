/*
 * Draws a script with libass, in a worker. The library is loaded when the first script is; it gets its fonts from the film
 * and from us, and asks nobody else. A script that makes it think for too long ends it.
 */
import type JASSUB from "jassub";

export interface AssScript {
  head: string;
  /** Fetches the fonts of the film one after another. */
  fonts: AsyncIterable<Uint8Array>;
}

/** What a script makes libass keep has an end. In MB, and glyphs. */
const MEMORY_LIMIT = 128;
const GLYPH_LIMIT = 20_000;
/** Anything sharper costs time and shows nothing. */
const MAX_HEIGHT = 1080;
/** No picture and no script of good will takes so long. */
const STUCK_AFTER_MS = 10_000;
const END_AFTER_MS = 1_000;

export class AssCanvas {
  readonly #instance: JASSUB;
  readonly #onStuck: () => void;
  #isClosed = false;
  #sent = 0;
  #drawingSinceMs: number | null = null;
  #lastSecs = -1;
  #isDirty = false;

  private constructor(instance: JASSUB, onStuck: () => void) {
    this.#instance = instance;
    this.#onStuck = onStuck;
  }

  /** Rejects where the view can't do it, or the script is too much for it. `onStuck`: it has become too much. */
  static async open(canvas: HTMLCanvasElement, script: AssScript, onStuck: () => void): Promise<AssCanvas> {
    const { default: Library } = await import("jassub");
    const instance = new Library({
      canvas,
      subContent: script.head,
      // Neither those of the computer nor of the network: a script must not learn what is installed.
      queryFonts: false,
      maxRenderHeight: MAX_HEIGHT,
      libassMemoryLimit: MEMORY_LIMIT,
      libassGlyphLimit: GLYPH_LIMIT,
    });
    const drawn = new AssCanvas(instance, onStuck);
    try {
      await inTime(instance.ready, STUCK_AFTER_MS);
    } catch (error) {
      drawn.close();
      throw error;
    }
    void drawn.#addFonts(script.fonts);
    return drawn;
  }

  async #addFonts(fonts: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const font of fonts) {
      if (this.#isClosed) return;
      await this.#instance.renderer.addFonts([font]);
      this.#isDirty = true;
    }
  }

  /** Adds what of these events it does not have yet. */
  addEvents(events: readonly string[]): void {
    if (this.#isClosed || events.length <= this.#sent) return;
    const more = events.slice(this.#sent);
    this.#sent = events.length;
    void this.#instance.renderer.processData(more.join("\n") + "\n");
    this.#isDirty = true;
  }

  draw(secs: number, width: number, height: number): void {
    if (this.#isClosed || width === 0) return;
    const nowMs = performance.now();
    if (this.#drawingSinceMs !== null) {
      if (nowMs - this.#drawingSinceMs > STUCK_AFTER_MS) {
        this.close();
        this.#onStuck();
      }
      return;
    }
    if (secs === this.#lastSecs && !this.#isDirty) return;
    const isDirty = this.#isDirty;
    this.#lastSecs = secs;
    this.#isDirty = false;
    this.#drawingSinceMs = nowMs;
    const done = () => (this.#drawingSinceMs = null);
    const frame = { expectedDisplayTime: nowMs, width, height, mediaTime: Math.max(0, secs) };
    this.#instance.manualRender(frame, isDirty).then(done, done);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#instance.destroy().catch(() => undefined);
    // It says goodbye to its worker first, which may not be listening.
    setTimeout(() => this.#instance._worker.terminate(), END_AFTER_MS);
  }
}

function inTime<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("it took too long")), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
