/*
 * How a person likes subtitles, and which they chose last in a torrent. It is a taste of this view and no more.
 */
import type { InfoHash } from "../../../lib/host/bindings";
import type { SmallStorage } from "../audio-memory";
import type { Taste } from "./tracks";

const TASTE_KEY = "freshet.subtitles";
const STYLE_KEY = "freshet.subtitle-style";
const REMEMBERED = 50;

export interface SubtitleStyle {
  /** Of the usual size. */
  size: number;
  /** How far from the bottom, in percent of the window. */
  raisedPercent: number;
  /** As the script says, where it says something. */
  isAsAuthored: boolean;
  hasBox: boolean;
}

export const SIZES = { min: 0.5, max: 2.5, step: 0.1 } as const;
export const RAISES = { min: 0, max: 40, step: 2 } as const;
export const USUAL_STYLE: SubtitleStyle = { size: 1, raisedPercent: 4, isAsAuthored: true, hasBox: false };

export class SubtitleMemory {
  /** Asked each time: where storage is forbidden, even looking at it throws. */
  readonly #storage: () => SmallStorage;

  constructor(storage: () => SmallStorage) {
    this.#storage = storage;
  }

  remember(infoHash: InfoHash, taste: Taste): void {
    const others = this.#tastes().filter(([hash]) => hash !== infoHash);
    this.#write(TASTE_KEY, [[infoHash, taste], ...others].slice(0, REMEMBERED));
  }

  recall(infoHash: InfoHash): Taste | null {
    return this.#tastes().find(([hash]) => hash === infoHash)?.[1] ?? null;
  }

  set style(style: SubtitleStyle) {
    this.#write(STYLE_KEY, style);
  }

  get style(): SubtitleStyle {
    const value = this.#read(STYLE_KEY);
    if (typeof value !== "object" || value === null) return USUAL_STYLE;
    const known = value as Partial<Record<keyof SubtitleStyle, unknown>>;
    const number = (found: unknown, { min, max }: { min: number; max: number }, usual: number) =>
      typeof found === "number" && found >= min && found <= max ? found : usual;
    const flag = (found: unknown, usual: boolean) => (typeof found === "boolean" ? found : usual);
    return {
      size: number(known.size, SIZES, USUAL_STYLE.size),
      raisedPercent: number(known.raisedPercent, RAISES, USUAL_STYLE.raisedPercent),
      isAsAuthored: flag(known.isAsAuthored, USUAL_STYLE.isAsAuthored),
      hasBox: flag(known.hasBox, USUAL_STYLE.hasBox),
    };
  }

  #tastes(): [InfoHash, Taste][] {
    const value = this.#read(TASTE_KEY);
    return Array.isArray(value) ? value.filter(isTaste) : [];
  }

  #read(key: string): unknown {
    try {
      return JSON.parse(this.#storage().getItem(key) ?? "null");
    } catch {
      return null;
    }
  }

  #write(key: string, value: unknown): void {
    try {
      this.#storage().setItem(key, JSON.stringify(value));
    } catch {
      // Storage is switched off or full: it is chosen anew next time.
    }
  }
}

function isTaste(value: unknown): value is [InfoHash, Taste] {
  if (!Array.isArray(value) || typeof value[0] !== "string") return false;
  const taste: unknown = value[1];
  return (
    taste === "off" ||
    (typeof taste === "object" && taste !== null && "language" in taste && "title" in taste)
  );
}
