/* Tells the other side where the playback stands. It decides what that means for positions and marks. */
import type { PlaybackId, ReportKind } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

export class Reporter {
  readonly #host: Host;
  readonly #playbackId: PlaybackId;
  readonly #durationSecs: number | null;
  #isPlayingReportUnderWay = false;
  #isClosed = false;

  constructor(host: Host, playbackId: PlaybackId, durationSecs: number | null) {
    this.#host = host;
    this.#playbackId = playbackId;
    this.#durationSecs = durationSecs;
  }

  report(kind: ReportKind, positionSecs: number): void {
    if (this.#isClosed) return;
    if (kind === "closed") this.#isClosed = true;
    // The next one, a second later, says more than a queue of old ones.
    if (kind === "playing" && this.#isPlayingReportUnderWay) return;
    if (kind === "playing") this.#isPlayingReportUnderWay = true;
    this.#host
      .call(
        "playback_report",
        {
          playback_id: this.#playbackId,
          kind,
          position_secs: Math.max(0, positionSecs),
          duration_secs: this.#durationSecs,
        },
        { isLastWord: kind === "closed" },
      )
      .catch(() => undefined)
      .finally(() => {
        if (kind === "playing") this.#isPlayingReportUnderWay = false;
      });
  }
}
