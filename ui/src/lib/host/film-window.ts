/*
 * The window of the player process: a page of a browser in what it asks of the server, and a window of its own. The process
 * plays the film below the page (see `features/player/film-engine.ts`).
 */
import type { PlaybackId, PlayerTarget } from "./bindings";
import { BrowserHost } from "./browser";

export type FilmRequest =
  | { kind: "load"; path: string; start_secs: number }
  | { kind: "stop" }
  | { kind: "pause"; is_paused: boolean }
  | { kind: "seek"; secs: number; is_exact: boolean }
  | { kind: "volume"; level: number }
  | { kind: "mute"; is_muted: boolean }
  | { kind: "night"; is_on: boolean }
  | { kind: "speed"; rate: number }
  | { kind: "audio"; id: number | null }
  | { kind: "audio_file"; path: string }
  | { kind: "fit"; fit: "contain" | "cover" | "fill" }
  | { kind: "screenshot"; name: string }
  | { kind: "window"; action: WindowAction };

export type WindowAction =
  | { kind: "fullscreen" | "on_top" | "mini"; is_on: boolean }
  | { kind: "title"; text: string }
  | { kind: "close" };

export type FilmEvent =
  | { kind: "property"; name: string; value: string | null }
  | { kind: "file_loaded" | "seek" | "restart" }
  | { kind: "end"; error: string | null }
  | { kind: "refused"; error: string }
  | { kind: "screenshot"; error: string | null }
  | { kind: "fullscreen"; is_on: boolean };

/** What the process puts into its page before any script of ours runs. */
export interface FilmWindow {
  ask(request: FilmRequest): void;
  heard(event: FilmEvent): void;
}

declare global {
  interface Window {
    freshetFilm?: FilmWindow;
  }
}

export class FilmWindowHost extends BrowserHost {
  readonly #film: FilmWindow;
  readonly #listeners = new Set<(event: FilmEvent) => void>();
  #isFullscreen = false;
  override readonly hasOwnWindow = true;

  constructor(film: FilmWindow) {
    super();
    this.#film = film;
    film.heard = (event) => {
      if (event.kind === "fullscreen") this.#isFullscreen = event.is_on;
      this.#listeners.forEach((listener) => listener(event));
    };
  }

  ask(request: FilmRequest): void {
    this.#film.ask(request);
  }

  async isThere(path: string): Promise<boolean> {
    const response = await fetch(path, { headers: { Range: "bytes=0-0" } });
    await response.body?.cancel();
    return response.ok;
  }

  onFilmEvent(listener: (event: FilmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  override async goOn(playbackId: PlaybackId, target: Required<PlayerTarget>): Promise<void> {
    if (this.addressTarget() !== null) await super.goOn(playbackId, target);
    else await this.call("playback_go_on", { playback_id: playbackId, ...target });
  }

  override setAlwaysOnTop(isOnTop: boolean): Promise<void> {
    return this.#change({ kind: "on_top", is_on: isOnTop });
  }

  override setMini(isMini: boolean): Promise<void> {
    return this.#change({ kind: "mini", is_on: isMini });
  }

  override isFullscreen(): Promise<boolean> {
    return Promise.resolve(this.#isFullscreen);
  }

  override setFullscreen(isFullscreen: boolean): Promise<void> {
    return this.#change({ kind: "fullscreen", is_on: isFullscreen });
  }

  override onFullscreenChanged(listener: (isFullscreen: boolean) => void): () => void {
    return this.onFilmEvent((event) => {
      if (event.kind === "fullscreen") listener(event.is_on);
    });
  }

  override setTitle(title: string): Promise<void> {
    document.title = title;
    return this.#change({ kind: "title", text: title });
  }

  override closePlayer(): Promise<void> {
    return this.#change({ kind: "close" });
  }

  #change(action: WindowAction): Promise<void> {
    this.ask({ kind: "window", action });
    return Promise.resolve();
  }
}
