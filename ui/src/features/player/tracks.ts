import type { TrackInfo } from "../../lib/host/bindings";
import type { Locale } from "../../lib/i18n/translate";

/** "Russian · Commentary · AC3"; the fallback where the file says nothing. */
export function trackName(track: TrackInfo, locale: Locale, fallback: string): string {
  const said = [languageName(track.language, locale), track.title].filter(
    (part): part is string => part !== null && part !== "",
  );
  return [...(said.length > 0 ? said : [fallback]), track.codec.toUpperCase()].join(" · ");
}

/** The first track in a language, which is named by any of its tags; `null` where none is wanted or there is none. */
export function inLanguage(tracks: readonly TrackInfo[], tag: string): TrackInfo | null {
  const wanted = baseLanguage(tag);
  if (wanted === null) return null;
  return tracks.find((track) => baseLanguage(track.language) === wanted) ?? null;
}

/** `rus`, `ru-RU` and `ru` are one language. */
export function baseLanguage(tag: string | null): string | null {
  if (tag === null || tag === "" || tag === "und") return null;
  try {
    return new Intl.Locale(tag).maximize().language ?? null;
  } catch {
    return tag.toLowerCase();
  }
}

export function languageName(tag: string | null, locale: Locale): string | null {
  if (tag === null || tag === "" || tag === "und") return null;
  try {
    const name = new Intl.DisplayNames(locale, { type: "language" }).of(tag);
    return name ? name.charAt(0).toLocaleUpperCase(locale) + name.slice(1) : tag;
  } catch {
    return tag;
  }
}
