/* Whether the film will play through, by what comes in. Looked at only while somebody can see it. */
import type { Outlook, PlaybackId } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

export const LOOK_EVERY_MS = 2_000;

export class OutlookWatch {
  outlook = $state.raw<Outlook | null>(null);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks now and then until the returned function is called. */
  watch(playbackId: PlaybackId, speed: number): () => void {
    let isOver = false;
    let isAsking = false;
    const look = async () => {
      if (isAsking || document.hidden) return;
      isAsking = true;
      const outlook = await this.#host
        .call("playback_outlook", { playback_id: playbackId, speed })
        .catch(() => null);
      isAsking = false;
      if (!isOver) this.outlook = outlook;
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => {
      isOver = true;
      this.outlook = null;
      clearInterval(timer);
    };
  }
}

/** About so long: nobody foresees single seconds. */
export function roughly(secs: number): number {
  if (secs < 10) return Math.max(1, Math.round(secs));
  return secs < 60 ? Math.round(secs / 5) * 5 : Math.round(secs / 60) * 60;
}
