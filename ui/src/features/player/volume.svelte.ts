import type { Settings } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

export const REMEMBER_VOLUME_AFTER_MS = 400;

/** The loudness of one page. It starts with the remembered one and is remembered when the hand rests. */
export class VolumeControl {
  level = $state(1);
  isMuted = $state(false);

  readonly #host: Host;
  #video: HTMLVideoElement | null = null;
  #hasSettings = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  attach(video: HTMLVideoElement): void {
    this.#video = video;
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
    this.level = clamp(level);
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
    if (!this.#video) return;
    this.#video.volume = this.level;
    this.#video.muted = this.isMuted;
  }

  #remember(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#host.call("volume_set", { volume: this.level, is_muted: this.isMuted }).catch(() => undefined);
    }, REMEMBER_VOLUME_AFTER_MS);
  }
}

function clamp(level: number): number {
  return Number.isFinite(level) ? Math.min(1, Math.max(0, level)) : 1;
}
