import type { Locale } from "../../../lib/i18n/translate";
import { languageName } from "../../player/tracks";

/** The languages that films are mostly in. */
const TAGS = [
  ...[
    "ar",
    "bg",
    "bn",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fa",
    "fi",
    "fr",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
  ],
  ...[
    "id",
    "it",
    "ja",
    "ka",
    "kk",
    "ko",
    "lt",
    "lv",
    "nl",
    "no",
    "pl",
    "pt",
    "ro",
    "ru",
    "sk",
    "sl",
    "sr",
    "sv",
  ],
  ...["ta", "te", "th", "tr", "uk", "uz", "vi", "zh"],
];

/** Languages to choose from, by the alphabet of whoever reads; one that was chosen elsewhere among them. */
export function filmLanguages(locale: Locale, chosen: string): { value: string; name: string }[] {
  const tags = chosen === "" || TAGS.includes(chosen) ? TAGS : [...TAGS, chosen];
  return tags
    .map((value) => ({ value, name: languageName(value, locale) ?? value }))
    .sort((a, b) => a.name.localeCompare(b.name, locale));
}
