import type { Host } from "./host";

/** The host of this page. The other one's code is never loaded. */
export async function connectHost(): Promise<Host> {
  if ("__TAURI_INTERNALS__" in window) {
    const { TauriHost } = await import("./tauri");
    return new TauriHost();
  }
  const { BrowserHost } = await import("./browser");
  return new BrowserHost();
}
