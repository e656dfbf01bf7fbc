/* The desktop shell. The only file that may import its packages. */
import { Channel, invoke } from "@tauri-apps/api/core";
import { getCurrentWindow, LogicalSize } from "@tauri-apps/api/window";

import type { AppEvent, PlaybackId, PlayerTarget } from "./bindings";
import type { CallOptions, CommandArgs, CommandName, CommandResult, EventListeners, Host } from "./host";
import { CallError, toCallError } from "./host";

const RESUBSCRIBE_AFTER_MS = 1_000;
const MINI_WIDTH = 480;
const MINI_HEIGHT = 270;

export class TauriHost implements Host {
  #serverUrl: string | null = null;
  #sizeBeforeMini: LogicalSize | null = null;
  readonly hasOwnWindow = true;

  async call<K extends CommandName>(
    name: K,
    args: CommandArgs<K>,
    _options?: CallOptions,
  ): Promise<CommandResult<K>> {
    try {
      return await invoke<CommandResult<K>>("rpc", { command: name, payload: args });
    } catch (error) {
      throw toCallError(error);
    }
  }

  subscribe(listeners: EventListeners): () => void {
    let isOpen = true;
    let retry: ReturnType<typeof setTimeout> | undefined;

    const open = () => {
      const channel = new Channel<AppEvent>();
      channel.onmessage = (event) => {
        if (isOpen) listeners.onEvent(event);
      };
      invoke("subscribe", { channel }).then(
        () => listeners.onConnection?.(true),
        () => {
          if (!isOpen) return;
          listeners.onConnection?.(false);
          retry = setTimeout(open, RESUBSCRIBE_AFTER_MS);
        },
      );
    };
    open();

    return () => {
      isOpen = false;
      clearTimeout(retry);
    };
  }

  async serverUrl(path: string): Promise<string> {
    if (this.#serverUrl === null) {
      const info = await this.call("app_info", {});
      if (info.server_url === null) {
        throw new CallError({ code: "internal", message: "the media server is not running" });
      }
      this.#serverUrl = info.server_url.replace(/\/$/, "");
    }
    return this.#serverUrl + path;
  }

  async openPlayer(target: PlayerTarget): Promise<void> {
    await this.call("player_show", target);
  }

  async goOn(playbackId: PlaybackId, target: Required<PlayerTarget>): Promise<void> {
    await this.call("playback_go_on", { playback_id: playbackId, ...target });
  }

  setAlwaysOnTop(isOnTop: boolean): Promise<void> {
    return getCurrentWindow().setAlwaysOnTop(isOnTop);
  }

  async setMini(isMini: boolean): Promise<void> {
    const own = getCurrentWindow();
    if (isMini) {
      if (await own.isFullscreen()) await own.setFullscreen(false);
      this.#sizeBeforeMini = (await own.innerSize()).toLogical(await own.scaleFactor());
      await own.setDecorations(false);
      await own.setSize(new LogicalSize(MINI_WIDTH, MINI_HEIGHT));
    } else {
      await own.setDecorations(true);
      if (this.#sizeBeforeMini) await own.setSize(this.#sizeBeforeMini);
      this.#sizeBeforeMini = null;
    }
    await own.setAlwaysOnTop(isMini);
  }

  addressTarget(): PlayerTarget | null {
    return null;
  }

  onAddressTargetChanged(): () => void {
    return () => undefined;
  }

  isFullscreen(): Promise<boolean> {
    return getCurrentWindow().isFullscreen();
  }

  setFullscreen(isFullscreen: boolean): Promise<void> {
    return getCurrentWindow().setFullscreen(isFullscreen);
  }

  onFullscreenChanged(listener: (isFullscreen: boolean) => void): () => void {
    // The shell has no event of its own for this, but the window's size changes with it.
    const ask = () => {
      void this.isFullscreen().then(listener, () => undefined);
    };
    window.addEventListener("resize", ask);
    return () => window.removeEventListener("resize", ask);
  }

  setTitle(title: string): Promise<void> {
    document.title = title;
    return getCurrentWindow().setTitle(title);
  }

  closePlayer(): Promise<void> {
    return getCurrentWindow().close();
  }

  copyText(text: string): Promise<void> {
    return navigator.clipboard.writeText(text);
  }
}
