/* What all rows of the settings share: the words that are searched for, and how a change is sent. */
import { createContext } from "svelte";
import { SvelteMap, SvelteSet } from "svelte/reactivity";

import type { PageContext } from "../../lib/context";
import type { SettingsPatch } from "../../lib/host/bindings";
import { toCallError } from "../../lib/host/host";
import type { MessageKey } from "../../lib/i18n/translate";

export const SECTIONS = [
  "general",
  "playback",
  "storage",
  "network",
  "limits",
  "devices",
  "api",
  "shortcuts",
  "advanced",
] as const;
export type SectionName = (typeof SECTIONS)[number];

/** A row has a name and a sentence that says what it does; without both it does not compile. */
export type RowName = {
  [Key in MessageKey]: Key extends `settings.${infer Name}Hint`
    ? `settings.${Name}` extends MessageKey
      ? Name
      : never
    : never;
}[MessageKey];

export class SettingsPage {
  query = $state("");
  readonly #found = new SvelteMap<SectionName, SvelteSet<string>>();
  readonly #page: PageContext;

  constructor(page: PageContext) {
    this.#page = page;
    for (const section of SECTIONS) this.#found.set(section, new SvelteSet());
  }

  /** Every word that is searched for has to stand somewhere in the texts. */
  matches(texts: readonly string[]): boolean {
    const text = texts.join(" ").toLocaleLowerCase();
    return this.query
      .toLocaleLowerCase()
      .split(/\s+/)
      .every((word) => text.includes(word));
  }

  /** A row is shown from now on, until the returned function is called. */
  found(section: SectionName, row: string): () => void {
    this.#found.get(section)?.add(row);
    return () => this.#found.get(section)?.delete(row);
  }

  has(section: SectionName): boolean {
    return (this.#found.get(section)?.size ?? 0) > 0;
  }

  get isEmpty(): boolean {
    return this.foundCount === 0;
  }

  get foundCount(): number {
    return SECTIONS.reduce((count, section) => count + (this.#found.get(section)?.size ?? 0), 0);
  }

  /** Does something that the other side may refuse, and says so in its words. Gives whether it was done. */
  readonly attempt = async (action: () => Promise<unknown>): Promise<boolean> => {
    const { i18n, toasts } = this.#page;
    try {
      await action();
      return true;
    } catch (error) {
      toasts.show(i18n.errorText(toCallError(error).toWire()), { isProblem: true });
      return false;
    }
  };

  readonly update = (patch: SettingsPatch): Promise<boolean> =>
    this.attempt(() => this.#page.host.call("settings_update", patch));
}

export const [useSettings, provideSettings] = createContext<SettingsPage>();
export const [useSection, provideSection] = createContext<SectionName>();
