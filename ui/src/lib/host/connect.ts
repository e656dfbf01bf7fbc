import type { Host } from "./host";

/** The host of this page. The other ones' code is never loaded. */
export async function connectHost(): Promise<Host> {
  if ("__TAURI_INTERNALS__" in window) {
    const { TauriHost } = await import("./tauri");
    return new TauriHost();
  }
  if (window.freshetFilm) {
    const { FilmWindowHost } = await import("./film-window");
    return new FilmWindowHost(window.freshetFilm);
  }
  const { BrowserHost } = await import("./browser");
  return new BrowserHost();
}
