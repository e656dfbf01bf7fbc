import type { Language, WireError } from "../host/bindings";
import { Formats } from "./format";
import type { Locale, MessageKey, MessageValues } from "./translate";
import { pickLocale, translate } from "./translate";

/** The words of one page, in the language that the settings name. */
export class I18n {
  language = $state<Language>("system");
  readonly #systemLanguages: readonly string[];
  readonly locale: Locale = $derived.by(() =>
    this.language === "system" ? pickLocale(this.#systemLanguages) : this.language,
  );
  readonly format = $derived.by(() => new Formats(this.locale));

  constructor(systemLanguages: readonly string[] = navigator.languages) {
    this.#systemLanguages = systemLanguages;
  }

  readonly t = (key: MessageKey, values?: MessageValues): string => translate(this.locale, key, values);

  /** The sentence for a refusal, chosen by its code. */
  readonly errorText = (error: WireError): string => this.t(`error.${error.code}`);
}
