/*
 * Which audio track a person chose last in a torrent: an episode begins as the one before it went on. It is a taste of
 * this view and no more; losing it costs one press.
 */
import type { InfoHash, TrackInfo } from "../../lib/host/bindings";

const STORAGE_KEY = "freshet.audio";
/** The series that somebody watches at a time are few. */
const REMEMBERED = 50;

interface Choice {
  infoHash: InfoHash;
  language: string | null;
  title: string | null;
}

export type SmallStorage = Pick<Storage, "getItem" | "setItem">;

export class AudioMemory {
  /** Asked each time: where storage is forbidden, even looking at it throws. */
  readonly #storage: () => SmallStorage;

  constructor(storage: () => SmallStorage) {
    this.#storage = storage;
  }

  remember(infoHash: InfoHash, { language, title }: TrackInfo): void {
    const others = this.#read().filter((choice) => choice.infoHash !== infoHash);
    const choices = [{ infoHash, language, title }, ...others].slice(0, REMEMBERED);
    try {
      this.#storage().setItem(STORAGE_KEY, JSON.stringify(choices));
    } catch {
      // Storage is switched off or full: it is chosen anew next time.
    }
  }

  /** The track that is most like the chosen one; `null` where none was chosen or none is like it. */
  recall(infoHash: InfoHash, tracks: readonly TrackInfo[]): TrackInfo | null {
    const choice = this.#read().find((known) => known.infoHash === infoHash);
    if (choice === undefined) return null;
    const alike = tracks.filter((track) => track.language === choice.language);
    return alike.find((track) => track.title === choice.title) ?? alike[0] ?? null;
  }

  #read(): Choice[] {
    try {
      const value: unknown = JSON.parse(this.#storage().getItem(STORAGE_KEY) ?? "[]");
      return Array.isArray(value) ? value.filter(isChoice) : [];
    } catch {
      return [];
    }
  }
}

function isChoice(value: unknown): value is Choice {
  return (
    typeof value === "object" &&
    value !== null &&
    "infoHash" in value &&
    typeof value.infoHash === "string" &&
    "language" in value &&
    "title" in value
  );
}
