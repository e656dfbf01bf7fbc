/** One short line over the picture that says what a key has done. */
export const OSD_MS = 1_300;
/** For a sentence that nobody has asked for. */
export const OSD_SENTENCE_MS = 6_000;

export class Osd {
  text = $state("");
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string, forMs = OSD_MS): void {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.text = ""), forMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.text = "";
  }
}
