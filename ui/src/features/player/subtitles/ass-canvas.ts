/*
 * Draws a script with libass, in a worker. The library is loaded when the first script is; it gets its fonts from the film
 * and from us, and asks nobody else.
 */
import type JASSUB from "jassub";

export interface AssScript {
  head: string;
  /** Fetches the fonts of the film one after another. */
  fonts: AsyncIterable<Uint8Array>;
}

/** A page of ours in a worker: what a script makes libass keep has an end. In MB, and glyphs. */
const MEMORY_LIMIT = 128;
const GLYPH_LIMIT = 20_000;
/** Anything sharper costs time and shows nothing. */
const MAX_HEIGHT = 1080;

export class AssCanvas {
  readonly #instance: JASSUB;
  #isClosed = false;
  #sent = 0;

  private constructor(instance: JASSUB) {
    this.#instance = instance;
  }

  /** Rejects where the view can't do it. */
  static async open(canvas: HTMLCanvasElement, script: AssScript): Promise<AssCanvas> {
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
    await instance.ready;
    const drawn = new AssCanvas(instance);
    void drawn.#addFonts(script.fonts);
    return drawn;
  }

  async #addFonts(fonts: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const font of fonts) {
      if (this.#isClosed) return;
      await this.#instance.renderer.addFonts([font]);
    }
  }

  /** Adds what of these events it does not have yet. */
  addEvents(events: readonly string[]): void {
    if (this.#isClosed || events.length <= this.#sent) return;
    const more = events.slice(this.#sent);
    this.#sent = events.length;
    void this.#instance.renderer.processData(more.join("\n") + "\n");
  }

  draw(secs: number, width: number, height: number): void {
    if (this.#isClosed) return;
    const { now } = performance;
    void this.#instance
      .manualRender(
        { expectedDisplayTime: now.call(performance), width, height, mediaTime: Math.max(0, secs) },
        false,
      )
      .catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    void this.#instance.destroy().catch(() => undefined);
  }
}
