/* Looking up and filling in one message. Pure; the reactive face is `i18n.svelte.ts`. */
import en from "./locales/en.json";
import ru from "./locales/ru.json";

export type Locale = "en" | "ru";
export type MessageKey = keyof typeof en;
export type MessageValues = Record<string, string | number>;

/** A text, or one text per plural category of the number called `count`. */
export type Message = string | Partial<Record<Intl.LDMLPluralRule, string>>;

/** What a language has words for. English and Russian have all; in others, what is missing is said in English. */
export type Messages = Partial<Record<MessageKey, Message>>;

export const LOCALES: Record<Locale, Messages> = { en, ru };
/** Those that lack nothing: a missing text fails the tests. */
export const COMPLETE: readonly Locale[] = ["en", "ru"];

/** The best locale that we have for what the person's system asks for. */
export function pickLocale(wanted: readonly string[]): Locale {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0] ?? "";
    if (isLocale(language)) return language;
  }
  return "en";
}

export function isLocale(name: string): name is Locale {
  return Object.hasOwn(LOCALES, name);
}

const pluralRules = new Map<Locale, Intl.PluralRules>();
const numberFormats = new Map<Locale, Intl.NumberFormat>();

function remembered<Value>(known: Map<Locale, Value>, locale: Locale, make: () => Value): Value {
  const value = known.get(locale) ?? make();
  known.set(locale, value);
  return value;
}

export function translate(locale: Locale, key: MessageKey, values: MessageValues = {}): string {
  const own = fill(LOCALES[locale][key], locale, values);
  return own ?? fill(LOCALES.en[key], "en", values) ?? key;
}

/** `undefined` where the language has no text, or not the form that the number asks for. */
export function fill(
  message: Message | undefined,
  locale: Locale,
  values: MessageValues,
): string | undefined {
  if (message === undefined) return undefined;
  const template =
    typeof message === "string" ? message : (message[pluralCategory(locale, values)] ?? message.other);
  if (template === undefined) return undefined;
  const numbers = remembered(numberFormats, locale, () => new Intl.NumberFormat(locale));
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

function pluralCategory(locale: Locale, values: MessageValues): Intl.LDMLPluralRule {
  const count = values["count"];
  const rules = remembered(pluralRules, locale, () => new Intl.PluralRules(locale));
  return typeof count === "number" ? rules.select(count) : "other";
}
