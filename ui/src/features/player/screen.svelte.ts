/*
 * The video and what it says: where it is, what of the film is ready, whether it waits or stands. It knows nothing of torrents,
 * tickets or commands.
 */
import { FrozenGuard, LOOK_EVERY_MS } from "./frozen-watch";
import { Playhead } from "./playhead.svelte";
import type { TimeSpan } from "./spans";
import { spansOf } from "./spans";
import { StallWatch } from "./stall-watch.svelte";

const GAP_JUMP_SECS = 0.5;

export type VideoPort = HTMLVideoElement;

export interface ScreenListener {
  /** A film is shown, or should be: before that the video's words mean little. */
  isShown(): boolean;
  /** An answer is being waited for that puts the video elsewhere. */
  isBusy(): boolean;
  /** The video may stand without a reason. */
  mayFreeze(): boolean;
  /** There is a picture, or the first sound. */
  onReady(video: VideoPort): void;
  onMoved(positionSecs: number): void;
  /** Something else than this page has paused it. */
  onPaused(positionSecs: number): void;
  onEnded(positionSecs: number): void;
  onFailed(message: string): void;
  /** It stands, and nothing that was tried has helped. */
  onStuck(): void;
}

export class Screen {
  /** What the person wants; the picture follows as soon as it can. */
  wantsToPlay = $state(true);
  needsGesture = $state(false);
  isEnded = $state(false);
  buffered = $state.raw<TimeSpan[]>([]);
  readonly stall = new StallWatch();
  readonly head = new Playhead();
  video: VideoPort | null = null;
  readonly #listener: ScreenListener;

  constructor(listener: ScreenListener) {
    this.#listener = listener;
  }

  /** Drives this video until the returned function is called. */
  attach(video: VideoPort): () => void {
    const abort = new AbortController();
    const on = (name: string, heard: () => void) =>
      video.addEventListener(name, heard, { signal: abort.signal });
    this.video = video;
    on("timeupdate", () => this.#timeChanged(video));
    on("progress", () => this.readBuffered());
    on("loadedmetadata", () => this.head.recall(video, GAP_JUMP_SECS));
    on("loadeddata", () => this.#listener.onReady(video));
    on("waiting", () => this.#waits(video));
    on("playing", () => this.#runs(video));
    on("seeking", () => this.head.pictureSeeks(true));
    on("seeked", () => this.#seekArrived(video));
    on("pause", () => this.#pausedFromOutside(video));
    on("play", () => (this.wantsToPlay = true));
    on("ended", () => this.end());
    on("error", () => {
      if (video.error) this.#listener.onFailed(video.error.message || `media error ${video.error.code}`);
    });
    const guard = this.#guard(video);
    const timer = setInterval(() => guard.look(video), LOOK_EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
      this.video = null;
    };
  }

  play(): void {
    this.wantsToPlay = true;
    this.needsGesture = false;
    this.playIfWanted();
  }

  playIfWanted(): void {
    if (!this.wantsToPlay) return;
    this.video?.play().catch((error: unknown) => {
      // Interrupted by a newer load or pause is no news; forbidden until somebody presses something is.
      if (error instanceof Error && error.name === "NotAllowedError") this.needsGesture = true;
    });
  }

  pause(): void {
    this.wantsToPlay = false;
    this.stall.reset();
    this.video?.pause();
  }

  /** There is nothing to show; what the person wants stays. */
  stand(): void {
    this.stall.reset();
    this.video?.pause();
  }

  /** Ready for another film, or for the same one once more. */
  reset(): void {
    this.isEnded = false;
    this.buffered = [];
    this.head.reset();
    this.stand();
  }

  readBuffered(): void {
    if (this.video) this.buffered = spansOf(this.video.buffered);
  }

  /** The picture is there. */
  settleFirst(video: VideoPort): void {
    // Some views begin where there may be no picture, whatever they were told.
    this.head.recall(video, GAP_JUMP_SECS);
    this.#settle(video);
  }

  /** There is nothing after this moment. */
  end(): void {
    const { video } = this;
    if (!video || this.isEnded || this.#isJumpAsked) return;
    this.isEnded = true;
    this.wantsToPlay = false;
    this.stall.reset();
    this.#listener.onEnded(video.currentTime);
  }

  /** Where it plays undisturbed; `null` while it does not. */
  get playingSecs(): number | null {
    const { video } = this;
    const isPlaying = video && !video.paused && !video.seeking && !this.head.isJumping;
    return isPlaying ? video.currentTime : null;
  }

  #guard(video: VideoPort): FrozenGuard {
    return new FrozenGuard({
      // A seek to what is there has no reason to last either.
      shouldMove: () =>
        this.#listener.mayFreeze() &&
        this.#listener.isShown() &&
        this.wantsToPlay &&
        !this.isEnded &&
        !this.#isJumpAsked,
      replay: () => {
        // Not through `pause`, which would be the person's.
        video.pause();
        this.wantsToPlay = true;
        this.playIfWanted();
      },
      reopen: () => this.#listener.onStuck(),
    });
  }

  #timeChanged(video: VideoPort): void {
    const hasMoved = this.head.follow(video);
    this.readBuffered();
    if (hasMoved && !video.seeking && !video.paused) this.stall.flowing();
    if (!video.seeking) this.#listener.onMoved(this.head.positionSecs);
  }

  #waits(video: VideoPort): void {
    if (!this.wantsToPlay || !this.#listener.isShown()) return;
    const next = this.buffered.find((span) => span.startSecs > video.currentTime);
    if (next && next.startSecs - video.currentTime < GAP_JUMP_SECS) {
      video.currentTime = next.startSecs + 0.001;
      return;
    }
    this.stall.dry();
  }

  #runs(video: VideoPort): void {
    this.needsGesture = false;
    this.stall.flowing();
    this.#settle(video);
  }

  #seekArrived(video: VideoPort): void {
    this.head.pictureSeeks(false);
    this.#settle(video);
  }

  /** Media keys and the system pause the video without asking us. */
  #pausedFromOutside(video: VideoPort): void {
    if (!this.#listener.isShown() || !this.wantsToPlay || !video.paused || video.ended) return;
    this.wantsToPlay = false;
    this.#listener.onPaused(video.currentTime);
  }

  get #isJumpAsked(): boolean {
    return this.head.isHandBusy || this.#listener.isBusy();
  }

  #settle(video: VideoPort): void {
    if (!this.#listener.isBusy() && this.head.settle(video) && video.paused) this.stall.reset();
  }
}
