/*
 * What the controller asks of whatever brings a film into its video: an ffmpeg of ours through a media source (`fed-film`), or
 * libmpv below the page (`film-engine`).
 */
import type { MediaRun, PlaybackTicket, TrackInfo, WireError } from "../../lib/host/bindings";

export interface Start {
  ticket: PlaybackTicket;
  atSecs: number;
  audio: TrackInfo | null;
  /** Delivers from there already. */
  run?: MediaRun | undefined;
}

export interface EngineListener {
  /** No more comes. `hasMedia` is false if it began behind the last picture. */
  onEnd(hasMedia: boolean): void;
  /** The other side has forgotten the playback. */
  onGone(): void;
  onFailed(error: WireError): void;
}

export interface Engine {
  /** What is made ready of the film now; `null` where it is played as it is. */
  readonly run: MediaRun | null;
  /** It waits for an answer; until then the video's time tells nothing. */
  readonly isBusy: boolean;
  /** Parts are made of the file and fed to a view, which may then stand without a reason; or it is played as it is. */
  readonly kind: "fed" | "direct";
  /** Whether the film goes on from there without anything new. */
  isReadyAt(video: HTMLVideoElement, secs: number): boolean;
  /** Takes the video for a film, which then is told where to start. */
  open(video: HTMLVideoElement, ticket: PlaybackTicket, listener: EngineListener): Promise<void>;
  start(start: Start): Promise<void>;
  /** Gives whether it is heard without a new start. */
  selectAudio(track: TrackInfo): boolean;
  /** Asks for nothing more; what is there stays. */
  stop(): void;
  close(): void;
}
