/* Subtitle tracks as a person chooses among them. Pure. */
import type { SubtitleTrack } from "../../../lib/host/bindings";
import type { Locale, MessageKey } from "../../../lib/i18n/translate";
import { baseLanguage, languageName } from "../tracks";

/** A track of the film or of its torrent, or a file that the person brought. */
export interface Choosable {
  /** Stays the same for as long as the film is open. */
  key: string;
  track: Omit<SubtitleTrack, "source"> & { source: SubtitleTrack["source"] | null };
  file: File | null;
}

export function choosable(track: SubtitleTrack): Choosable {
  const { source } = track;
  const key = source.kind === "embedded" ? `s${source.stream_index}` : `f${source.file_index}`;
  return { key, track, file: null };
}

/** What can be opened by hand: text, which Rust reads first. */
export const OWN_FILE_TYPES = [".srt", ".vtt", ".ass", ".ssa"] as const;
export const MAX_OWN_FILE_BYTES = 10 * 1024 * 1024;

export function ownFile(file: File, number: number): Choosable | null {
  const name = file.name.toLowerCase();
  const extension = OWN_FILE_TYPES.find((end) => name.endsWith(end));
  if (extension === undefined || file.size > MAX_OWN_FILE_BYTES) return null;
  const isScript = extension === ".ass" || extension === ".ssa";
  return {
    key: `o${number}`,
    file,
    track: {
      source: null,
      form: isScript ? "ass" : "text",
      format: extension.slice(1),
      language: null,
      title: file.name,
      is_default: false,
      is_forced: false,
      is_for_hearing_impaired: false,
    },
  };
}

type Translate = (key: MessageKey, values?: Record<string, string | number>) => string;

/** "Russian · Forced · Studio X · SRT"; the number where nothing is known. */
export function subtitleName(
  { track, file }: Choosable,
  number: number,
  locale: Locale,
  t: Translate,
): string {
  const said = [
    languageName(track.language, locale),
    track.is_forced ? t("player.subtitles.forced") : null,
    track.is_for_hearing_impaired ? t("player.subtitles.sdh") : null,
    track.title,
  ].filter((part): part is string => part !== null && part !== "");
  const name = said.length > 0 ? said : [t("player.subtitles.track", { number })];
  return [...name, file === null ? track.format.toUpperCase() : t("player.subtitles.own")].join(" · ");
}

/** What was chosen in another file of the torrent: no subtitles, or a track that is like this one. */
export type Taste = "off" | { language: string | null; title: string | null; isForced: boolean };

/** Which track a film begins with; `null`: none. */
export function firstChoice(
  all: readonly Choosable[],
  taste: Taste | null,
  audioLanguage: string | null,
  ownLanguage: string,
): Choosable | null {
  if (taste === "off") return null;
  if (taste !== null) {
    const alike = all.filter(({ track }) => track.language === taste.language);
    const best =
      alike.find(({ track }) => track.title === taste.title && track.is_forced === taste.isForced) ??
      alike.find(({ track }) => track.is_forced === taste.isForced) ??
      alike[0];
    if (best) return best;
  }
  const mine = all.filter(({ track }) => baseLanguage(track.language) === ownLanguage);
  const spoken = baseLanguage(audioLanguage);
  if (spoken === ownLanguage) return mine.find(({ track }) => track.is_forced) ?? null;
  if (spoken === null) return null;
  const full = mine.filter(({ track }) => !track.is_forced);
  return (
    full.find(({ track }) => track.is_default && !track.is_for_hearing_impaired) ??
    full.find(({ track }) => !track.is_for_hearing_impaired) ??
    full[0] ??
    null
  );
}
