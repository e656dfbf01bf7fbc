/* The first engine: runs of an ffmpeg of ours, whose parts are fed to a media source. */
import type { MediaRun, PlaybackTicket } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { toCallError } from "../../lib/host/host";
import type { Engine, EngineListener, Start } from "./engine";
import type { FetchPart } from "./feeder";
import { Feeder } from "./feeder";
import { isReadyAt, spansOf } from "./spans";

export interface FedFilmParts {
  openMediaSource: (video: HTMLVideoElement) => Promise<MediaSource>;
  fetchPart: FetchPart;
}

export class FedFilm implements Engine {
  run = $state.raw<MediaRun | null>(null);
  isBusy = false;
  readonly kind = "fed";

  readonly #host: Host;
  readonly #parts: FedFilmParts;
  #feeder: Feeder | null = null;
  #listener: EngineListener | null = null;
  /** Answers that belong to an earlier film or an earlier jump are old news. */
  #openCount = 0;
  #runCount = 0;

  constructor(host: Host, parts: FedFilmParts) {
    this.#host = host;
    this.#parts = parts;
  }

  isReadyAt(video: HTMLVideoElement, secs: number): boolean {
    return isReadyAt(spansOf(video.buffered), secs);
  }

  async open(video: HTMLVideoElement, ticket: PlaybackTicket, listener: EngineListener): Promise<void> {
    const openCount = ++this.#openCount;
    const source = await this.#parts.openMediaSource(video);
    if (openCount !== this.#openCount) return;
    this.#listener = listener;
    const ifCurrent = (action: () => void) => {
      if (openCount === this.#openCount) action();
    };
    this.#feeder = new Feeder(video, source, ticket.duration_secs, this.#parts.fetchPart, {
      onEnd: (hasMedia) => ifCurrent(() => listener.onEnd(hasMedia)),
      onGone: () => ifCurrent(() => listener.onGone()),
      onFailed: (message, isReachable) =>
        ifCurrent(() => listener.onFailed({ code: isReachable ? "unreadable_media" : "internal", message })),
    });
  }

  async start({ ticket, atSecs, audio, run: started }: Start): Promise<void> {
    const runCount = ++this.#runCount;
    const isOld = () => runCount !== this.#runCount;
    this.isBusy = true;
    this.#feeder?.stop();
    try {
      const run =
        started ??
        (await this.#host.call("playback_start", {
          playback_id: ticket.playback_id,
          at_secs: atSecs,
          ...(audio === null ? {} : { audio_stream: audio.stream_index }),
        }));
      if (isOld()) return;
      this.isBusy = false;
      this.run = run;
      this.#feeder?.start(run, atSecs);
    } catch (error) {
      if (isOld()) return;
      this.isBusy = false;
      const refusal = toCallError(error);
      if (refusal.code === "not_found") this.#listener?.onGone();
      else this.#listener?.onFailed(refusal.toWire());
    }
  }

  selectAudio(): boolean {
    return false;
  }

  stop(): void {
    this.#feeder?.stop();
  }

  close(): void {
    this.#openCount += 1;
    this.#runCount += 1;
    this.isBusy = false;
    this.#feeder?.stop();
    this.#feeder = null;
    this.#listener = null;
    this.run = null;
  }
}
