/* How the pieces of the film stand, on the seek bar. Looked at only while somebody can see it. */
import type { MapSpan, PieceStand, PlaybackId, PlaybackMap } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

export const LOOK_EVERY_MS = 1_000;

export class PieceMap {
  map = $state.raw<PlaybackMap | null>(null);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks once a second until the returned function is called. */
  watch(playbackId: PlaybackId): () => void {
    let isOver = false;
    let isAsking = false;
    const look = async () => {
      if (isAsking || document.hidden) return;
      isAsking = true;
      const map = await this.#host.call("playback_map", { playback_id: playbackId }).catch(() => null);
      isAsking = false;
      if (!isOver) this.map = map;
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }
}

export function standAt(spans: readonly MapSpan[], secs: number): PieceStand | null {
  return spans.find((span) => span.start_secs <= secs && secs < span.end_secs)?.stand ?? null;
}
