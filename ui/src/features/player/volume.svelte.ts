import type { Settings } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { MAX_BOOST, SoundControl } from "./sound.svelte";

export const REMEMBER_VOLUME_AFTER_MS = 400;

/** The loudness of one page. It starts with the remembered one and is remembered when the hand rests. */
export class VolumeControl {
  level = $state(1);
  isMuted = $state(false);

  readonly sound: SoundControl;
  readonly #host: Host;
  #hasSettings = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, sound = new SoundControl()) {
    this.#host = host;
    this.sound = sound;
  }

  attach(video: HTMLVideoElement): void {
    this.sound.attach(video);
    this.#apply();
  }

  /** Only the first ones count: later ones are the echo of what was set here, or meant for another window. */
  settingsArrived(settings: Settings): void {
    if (this.#hasSettings) return;
    this.#hasSettings = true;
    this.level = clamp(settings.volume);
    this.isMuted = settings.is_muted;
    this.#apply();
  }

  set(level: number): void {
    this.level = clamp(level, MAX_BOOST);
    this.isMuted = this.level === 0;
    this.#apply();
    this.#remember();
  }

  changeBy(amount: number): void {
    this.set(Math.round((this.level + amount) * 100) / 100);
  }

  toggleMute(): void {
    this.isMuted = !this.isMuted;
    this.#apply();
    this.#remember();
  }

  #apply(): void {
    const possible = this.sound.set(this.level, this.isMuted);
    if (this.level > possible) this.level = possible;
  }

  #remember(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#host
        .call("volume_set", { volume: Math.min(1, this.level), is_muted: this.isMuted })
        .catch(() => undefined);
    }, REMEMBER_VOLUME_AFTER_MS);
  }
}

/** Louder than the film is asked for anew each time: only what is no boost is remembered. */
function clamp(level: number, most = 1): number {
  return Number.isFinite(level) ? Math.min(most, Math.max(0, level)) : 1;
}
