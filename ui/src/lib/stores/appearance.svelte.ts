import type { Settings } from "../host/bindings";
import type { I18n } from "../i18n/i18n.svelte";
import type { AppState } from "./app-state.svelte";

/** Keeps language, theme and size of the page as the settings say. Call while a component is set up. */
export function followAppearance(app: AppState, i18n: I18n, options: { theme: "settings" | "dark" }): void {
  const query = window.matchMedia("(prefers-color-scheme: dark)");
  let systemIsDark = $state(query.matches);

  // Outside world: the system's theme.
  $effect(() => {
    const changed = () => (systemIsDark = query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  });

  // Outside world: the document's language and theme.
  $effect(() => {
    i18n.language = app.settings?.language ?? "system";
    document.documentElement.lang = i18n.locale;
    document.documentElement.dataset["theme"] =
      options.theme === "dark" ? "dark" : resolveTheme(app.settings?.theme ?? "system", systemIsDark);
    // The player has sizes of its own; everything else is measured in the root's letters.
    const percent = options.theme === "dark" ? 100 : (app.settings?.ui_scale_percent ?? 100);
    document.documentElement.style.fontSize = percent === 100 ? "" : `${percent}%`;
  });
}

export function resolveTheme(theme: Settings["theme"], systemIsDark: boolean): "light" | "dark" {
  if (theme === "system") return systemIsDark ? "dark" : "light";
  return theme;
}
