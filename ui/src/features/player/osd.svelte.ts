/** One short line over the picture that says what a key has done. */
export const OSD_MS = 1_300;

export class Osd {
  text = $state("");
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    this.text = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.text = ""), OSD_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.text = "";
  }
}
