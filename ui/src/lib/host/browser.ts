/* A browser in front of `freshetd`: commands over POST, events over Server-Sent Events, windows are pages. */
import type { AppEvent, PlaybackId, PlayerTarget } from "./bindings";
import type { CallOptions, CommandArgs, CommandName, CommandResult, EventListeners, Host } from "./host";
import { CallError, formatTarget, parseTarget, toCallError } from "./host";

const RECONNECT_AFTER_MS = 1_000;
const PLAYER_PAGE = "/player.html";
const PLAYER_WINDOW_NAME = "freshet-player";

export class BrowserHost implements Host {
  async call<K extends CommandName>(
    name: K,
    args: CommandArgs<K>,
    options?: CallOptions,
  ): Promise<CommandResult<K>> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`/rpc/${name}`, {
        method: "POST",
        // The header is one that a foreign page can't send without our server's consent.
        headers: { "Content-Type": "application/json", "X-Freshet": "1" },
        body: JSON.stringify(args),
        keepalive: options?.isLastWord ?? false,
      });
      text = await response.text();
    } catch (error) {
      throw toCallError(error);
    }
    const value = parseJson(text);
    if (response.ok) return value as CommandResult<K>;
    if (typeof value === "object" && value !== null) throw toCallError(value);
    throw new CallError({ code: "internal", message: `${name}: ${response.status} ${text.slice(0, 200)}` });
  }

  subscribe(listeners: EventListeners): () => void {
    let source: EventSource;
    let retry: ReturnType<typeof setTimeout> | undefined;

    const open = () => {
      source = new EventSource("/events");
      source.onopen = () => listeners.onConnection?.(true);
      source.onmessage = (message: MessageEvent<string>) => {
        listeners.onEvent(JSON.parse(message.data) as AppEvent);
      };
      source.onerror = () => {
        listeners.onConnection?.(false);
        // An answer that is no event stream ends the source for good; a lost connection does not.
        if (source.readyState === EventSource.CLOSED) retry = setTimeout(open, RECONNECT_AFTER_MS);
      };
    };
    open();

    return () => {
      clearTimeout(retry);
      source.close();
    };
  }

  serverUrl(path: string): Promise<string> {
    return Promise.resolve(location.origin + path);
  }

  openPlayer(target: PlayerTarget): Promise<void> {
    const address = `${PLAYER_PAGE}#${formatTarget(target)}`;
    const page = window.open(address, PLAYER_WINDOW_NAME);
    if (page === null) location.assign(address);
    else page.focus();
    return Promise.resolve();
  }

  goOn(_playbackId: PlaybackId, target: Required<PlayerTarget>): Promise<void> {
    location.replace(`#${formatTarget(target)}`);
    return Promise.resolve();
  }

  readonly hasOwnWindow: boolean = false;

  setAlwaysOnTop(_isOnTop: boolean): Promise<void> {
    return Promise.reject(new CallError({ code: "bad_request", message: "a page has no window of its own" }));
  }

  setMini(isMini: boolean): Promise<void> {
    return this.setAlwaysOnTop(isMini);
  }

  addressTarget(): PlayerTarget | null {
    return parseTarget(location.hash);
  }

  onAddressTargetChanged(listener: () => void): () => void {
    window.addEventListener("hashchange", listener);
    return () => window.removeEventListener("hashchange", listener);
  }

  isFullscreen(): Promise<boolean> {
    return Promise.resolve(document.fullscreenElement !== null);
  }

  async setFullscreen(isFullscreen: boolean): Promise<void> {
    if (isFullscreen === (document.fullscreenElement !== null)) return;
    await (isFullscreen ? document.documentElement.requestFullscreen() : document.exitFullscreen());
  }

  onFullscreenChanged(listener: (isFullscreen: boolean) => void): () => void {
    const tell = () => listener(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", tell);
    return () => document.removeEventListener("fullscreenchange", tell);
  }

  setTitle(title: string): Promise<void> {
    document.title = title;
    return Promise.resolve();
  }

  closePlayer(): Promise<void> {
    // Only a page that a script opened can close itself; in every other case we are still here and go back.
    window.close();
    setTimeout(() => location.assign("/"), 50);
    return Promise.resolve();
  }

  async copyText(text: string): Promise<void> {
    // The clipboard interface is missing on plain http outside of loopback.
    if ("clipboard" in navigator) {
      await navigator.clipboard.writeText(text);
      return;
    }
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
