/* Looking up and filling in one message. Pure; the reactive face is `i18n.svelte.ts`. */
import en from "./locales/en.json";
import ru from "./locales/ru.json";

export type Locale = "en" | "ru";
export type MessageKey = keyof typeof en;
export type MessageValues = Record<string, string | number>;

/** A text, or one text per plural category of the number called `count`. */
export type Message = string | Partial<Record<Intl.LDMLPluralRule, string>>;

export const LOCALES: Record<Locale, Record<MessageKey, Message>> = { en, ru };

/** The best locale that we have for what the person's system asks for. */
export function pickLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (language === "en" || language === "ru") return language;
  }
  return "en";
}

const pluralRules: Record<Locale, Intl.PluralRules> = {
  en: new Intl.PluralRules("en"),
  ru: new Intl.PluralRules("ru"),
};
const numberFormats: Record<Locale, Intl.NumberFormat> = {
  en: new Intl.NumberFormat("en"),
  ru: new Intl.NumberFormat("ru"),
};

export function translate(locale: Locale, key: MessageKey, values: MessageValues = {}): string {
  const message: Message = LOCALES[locale][key];
  const template =
    typeof message === "string" ? message : (message[pluralCategory(locale, values)] ?? message.other ?? key);
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numberFormats[locale].format(value) : value;
  });
}

function pluralCategory(locale: Locale, values: MessageValues): Intl.LDMLPluralRule {
  const count = values["count"];
  return typeof count === "number" ? pluralRules[locale].select(count) : "other";
}
