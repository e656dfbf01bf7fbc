import { createContext } from "svelte";

import type { Host } from "./host/host";
import type { I18n } from "./i18n/i18n.svelte";
import type { AppState } from "./stores/app-state.svelte";
import type { Toasts } from "./stores/toasts.svelte";

/** What every component of a page may ask for. Built once, by the page's entry. */
export interface PageContext {
  host: Host;
  app: AppState;
  i18n: I18n;
  toasts: Toasts;
}

export const [usePage, providePage] = createContext<PageContext>();
