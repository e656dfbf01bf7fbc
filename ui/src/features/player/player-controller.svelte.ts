/*
 * The state machine of one player page: from a target to pictures, and everything that a person can do meanwhile. It
 * touches the page only through the video it is given, so its order of events can be forced in tests.
 */
import type {
  InfoHash,
  MediaRun,
  PlaybackTicket,
  PlayerTarget,
  Settings,
  TorrentSummary,
  TrackInfo,
  WireError,
} from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { toCallError } from "../../lib/host/host";
import { AudioChoice } from "./audio-choice.svelte";
import type { AudioMemory } from "./audio-memory";
import { chapterStep } from "./chapters";
import type { Engine, EngineListener } from "./engine";
import type { FedFilmParts } from "./fed-film.svelte";
import { FedFilm } from "./fed-film.svelte";
import type { Direction } from "./keybinds";
import { LoopControl } from "./loop.svelte";
import { PictureControl } from "./picture.svelte";
import { Reporter } from "./reporter";
import type { ScreenListener, VideoPort } from "./screen.svelte";
import { Screen } from "./screen.svelte";
import type { SoundControl } from "./sound.svelte";
import { SpeedControl } from "./speed.svelte";
import type { Phase } from "./stages";
import { askForTicket, giveUp, Upcoming } from "./upcoming";
import { VolumeControl } from "./volume.svelte";

/** The moment of a film's first picture, for those who measure. */
export const FIRST_FRAME = "freshet-first-frame";
export const REPORT_EVERY_MS = 1_000;
/** A file's last moment can't be jumped to: nothing would be left to show. */
const LAST_MOMENT_SECS = 1;
/** The view does not tell how long a picture stands; most films have 24 or 25 in a second. */
const FRAME_SECS = 1 / 24;
/** How often a playback that the other side has forgotten is opened again before somebody is asked. */
const MAX_REOPENS = 3;

export interface PlayerParts extends FedFilmParts {
  canPlayType: (mime: string) => boolean;
  /** What was chosen in other files of a torrent; without it every file begins with its first track. */
  audioMemory?: Pick<AudioMemory, "remember" | "recall">;
  /** In place of the media source. */
  engine?: Engine;
  sound?: SoundControl;
}

export class PlayerController {
  target = $state.raw<PlayerTarget | null>(null);
  phase = $state<Phase>("waiting");
  error = $state.raw<WireError | null>(null);
  ticket = $state.raw<PlaybackTicket | null>(null);

  openedAtMs = $state(0);
  firstFrameAfterMs = $state<number | null>(null);
  readonly speed = new SpeedControl();
  readonly picture = new PictureControl();
  readonly loop = new LoopControl();
  readonly audio: AudioChoice;
  readonly volume: VolumeControl;
  readonly upcoming: Upcoming;

  #endSecs = $state<number | null>(null);
  readonly screen: Screen;

  readonly durationSecs = $derived(this.ticket?.duration_secs ?? this.#endSecs);

  readonly #host: Host;
  readonly #parts: PlayerParts;
  readonly #engine: Engine;
  #reporter: Reporter | null = null;
  /** Answers that belong to an earlier target are old news. */
  #openCount = 0;
  #reopenCount = 0;
  #defaultSpeed = 1;
  #atSecs: number | null = null;
  #reportTimer: ReturnType<typeof setInterval> | undefined;
  /** The failure is one of the torrent, not of the file: news of the torrent may end it. */
  #isTorrentProblem = false;
  #torrent: TorrentSummary | undefined;

  constructor(host: Host, parts: PlayerParts) {
    this.#host = host;
    this.#parts = parts;
    this.screen = new Screen(this.#screenListener());
    this.audio = new AudioChoice(() => this.ticket, parts.audioMemory);
    this.volume = new VolumeControl(host, parts.sound);
    this.upcoming = new Upcoming(host, {
      canPlayType: parts.canPlayType,
      fetchPart: parts.fetchPart,
      chooseAudio: (ticket) => this.audio.recall(ticket),
      isFed: parts.engine?.kind !== "direct",
    });
    const { openMediaSource } = parts;
    this.#engine = parts.engine ?? new FedFilm(host, { openMediaSource, fetchPart: this.upcoming.fetchPart });
  }

  /** What is made ready of the file; `null` where it is played as it is. */
  get run(): MediaRun | null {
    return this.#engine.run;
  }

  /** Where the film is, or where it was told to go. */
  get positionSecs(): number {
    return this.screen.head.positionSecs;
  }

  /** What the person wants; the picture follows as soon as it can. */
  get wantsToPlay(): boolean {
    return this.screen.wantsToPlay;
  }

  get isEnded(): boolean {
    return this.screen.isEnded;
  }

  /** Drives this video until the returned function is called. */
  attach(video: VideoPort): () => void {
    const detach = this.screen.attach(video);
    this.volume.attach(video);
    this.speed.attach(video);
    this.#reportTimer = setInterval(() => this.#reportPlaying(), REPORT_EVERY_MS);
    return () => {
      detach();
      clearInterval(this.#reportTimer);
    };
  }

  settingsArrived(settings: Settings): void {
    this.volume.settingsArrived(settings);
    const { default_speed, audio_language } = settings.playback;
    // What was chosen here holds until somebody chooses another beginning.
    if (default_speed !== this.#defaultSpeed) this.speed.set(default_speed);
    this.#defaultSpeed = default_speed;
    this.audio.language = audio_language;
  }

  /** Shows another file, or the same one once more: from where it was left, or from where another player was just now. */
  open(target: PlayerTarget, atSecs: number | null = null): void {
    this.#leavePlayback();
    this.target = target;
    this.#atSecs = atSecs;
    this.phase = "waiting";
    this.error = null;
    this.ticket = null;
    this.screen.wantsToPlay = true;
    this.screen.needsGesture = false;
    this.audio.stream = null;
    this.loop.clear();
    this.#reopenCount = 0;
    this.openedAtMs = Date.now();
    this.firstFrameAfterMs = null;
  }

  /** What is known of the target's torrent now; `undefined` if it is not in the library. */
  torrentChanged(infoHash: InfoHash, torrent: TorrentSummary | undefined): void {
    if (this.target?.info_hash !== infoHash) return;
    this.#torrent = torrent;
    const isWaitingForTorrent =
      this.phase === "waiting" ||
      this.phase === "resolving" ||
      (this.phase === "failed" && this.#isTorrentProblem);
    if (!isWaitingForTorrent) return;
    if (torrent === undefined) {
      this.#fail({ code: "not_found", message: "the torrent is not in the library" });
      this.#isTorrentProblem = true;
    } else if (torrent.state === "failed") {
      this.#fail(torrent.error ?? { code: "no_details", message: "no details" });
      this.#isTorrentProblem = true;
    } else if (torrent.state === "resolving") {
      this.error = null;
      this.phase = "resolving";
    } else {
      void this.#openPlayback(this.#atSecs);
    }
  }

  togglePlay(): void {
    if (this.isEnded) {
      this.seek(0);
      return;
    }
    if (this.wantsToPlay && !this.screen.needsGesture) this.pause();
    else this.play();
  }

  play(): void {
    this.screen.play();
  }

  pause(): void {
    this.screen.pause();
    this.#reporter?.report("paused", this.positionSecs);
  }

  seekBy(secs: number): void {
    this.seek(this.positionSecs + secs);
  }

  seekFraction(fraction: number): void {
    if (this.durationSecs !== null) this.seek(this.durationSecs * fraction);
  }

  /** Gives whether there is such a chapter. */
  seekChapter(direction: Direction): boolean {
    const start = chapterStep(this.ticket?.chapters ?? [], this.positionSecs, direction);
    if (start !== null) this.seek(start);
    return start !== null;
  }

  stepFrame(direction: Direction): void {
    this.pause();
    const { head, video } = this.screen;
    // What the video last told of its clock may be some frames old.
    const shownSecs = video && !head.isJumping ? video.currentTime : this.positionSecs;
    this.seek(shownSecs + direction * FRAME_SECS);
  }

  /** Turns to the next audio track in their order, and gives it; `null` where there is no other. */
  nextAudio(): TrackInfo | null {
    const { next } = this.audio;
    if (next !== null) this.selectAudio(next.stream_index);
    return next;
  }

  /** At once where the film is ready; else a new start, as soon as the hand rests. */
  seek(secs: number): void {
    const { head, video } = this.screen;
    if (!video || this.ticket === null || this.phase === "failed") return;
    const last = this.durationSecs === null ? Infinity : Math.max(0, this.durationSecs - LAST_MOMENT_SECS);
    const wanted = Math.min(Math.max(0, secs), last);
    if (this.isEnded) {
      this.screen.isEnded = false;
      this.screen.wantsToPlay = true;
    }
    const isReady = this.#engine.isReadyAt(video, wanted) && !this.#engine.isBusy;
    head.want(wanted);
    video.currentTime = wanted;
    if (isReady) {
      this.#reporter?.report("seeked", wanted);
      this.screen.playIfWanted();
      return;
    }
    head.whenHandRests(() => {
      this.#reporter?.report("seeked", wanted);
      void this.#start(wanted);
    });
  }

  selectAudio(streamIndex: number): void {
    if (!this.audio.choose(streamIndex)) return;
    const { chosen } = this.audio;
    if (chosen === null || !this.#engine.selectAudio(chosen)) void this.#start(this.positionSecs);
  }

  async retry(): Promise<void> {
    const target = this.target;
    if (target === null) return;
    this.openedAtMs = Date.now();
    this.#reopenCount = 0;
    if (this.ticket !== null) {
      const at = this.positionSecs;
      this.#leavePlayback();
      await this.#openPlayback(at);
      return;
    }
    if (!this.#isTorrentProblem) {
      await this.#openPlayback(this.#atSecs);
      return;
    }
    this.phase = "waiting";
    this.error = null;
    try {
      const torrent = await this.#host.call("torrent_retry", { info_hash: target.info_hash });
      this.torrentChanged(target.info_hash, torrent);
    } catch (error) {
      this.#fail(toCallError(error).toWire());
    }
  }

  /** The page goes: says where it stood and asks for nothing more. */
  close(): void {
    this.#leavePlayback();
    this.upcoming.drop();
  }

  // --- from target to run ---------------------------------------------------------------------------------------

  async #openPlayback(atSecs: number | null): Promise<void> {
    const target = this.target;
    const { video } = this.screen;
    if (target === null || video === null) return;
    const openCount = ++this.#openCount;
    const isOld = () => openCount !== this.#openCount;
    this.phase = "opening";
    this.error = null;
    this.screen.isEnded = false;
    try {
      const prepared = atSecs === null ? await this.upcoming.take(target) : null;
      const ticket = prepared?.ticket ?? (await askForTicket(this.#host, target, this.#parts.canPlayType));
      if (isOld()) return giveUp(this.#host, ticket);
      this.#reporter = new Reporter(this.#host, ticket.playback_id, ticket.duration_secs);
      this.ticket = ticket;
      this.audio.stream ??= prepared?.audioStream ?? this.audio.recall(ticket);
      this.phase = "starting";
      await this.#engine.open(video, ticket, this.#listenerOf(openCount));
      if (isOld()) return;
      this.speed.apply();
      await this.#start(atSecs ?? ticket.resume_at_secs, prepared?.run);
    } catch (error) {
      if (isOld()) return;
      const refusal = toCallError(error);
      if (refusal.code === "not_ready" && this.#torrent?.state === "resolving") this.phase = "resolving";
      else this.#fail(refusal.toWire());
    }
  }

  /** `run` delivers from there already. */
  async #start(atSecs: number, run?: MediaRun): Promise<void> {
    const { ticket } = this;
    const { head, video } = this.screen;
    if (ticket === null || video === null) return;
    head.want(atSecs);
    if (this.phase === "ready") this.screen.stall.dry();
    video.currentTime = atSecs;
    this.screen.playIfWanted();
    await this.#engine.start({ ticket, atSecs, audio: this.audio.chosen, run });
  }

  /** The other side has forgotten this playback: opens it again where it stood. */
  async #reopen(): Promise<void> {
    this.#reopenCount += 1;
    if (this.#reopenCount > MAX_REOPENS) {
      this.#fail({ code: "cancelled", message: "the playback was ended from the other side" });
      return;
    }
    const at = this.positionSecs;
    this.#leavePlayback();
    await this.#openPlayback(at);
  }

  #listenerOf(openCount: number): EngineListener {
    const ifCurrent = (action: () => void) => {
      if (openCount === this.#openCount) action();
    };
    return {
      onEnd: (hasMedia) =>
        ifCurrent(() => {
          this.screen.readBuffered();
          if (hasMedia) this.#endSecs = this.screen.buffered.at(-1)?.endSecs ?? null;
          else this.screen.end();
        }),
      onGone: () => ifCurrent(() => void this.#reopen()),
      onFailed: (error) => ifCurrent(() => this.#fail(error)),
    };
  }

  #leavePlayback(): void {
    this.#openCount += 1;
    this.#reporter?.report("closed", this.positionSecs);
    this.#reporter = null;
    this.#engine.close();
    this.ticket = null;
    this.#endSecs = null;
    this.screen.reset();
  }

  #fail(error: WireError): void {
    this.#engine.stop();
    this.#isTorrentProblem = false;
    this.error = error;
    this.phase = "failed";
    this.screen.stand();
  }

  // --- what the video says --------------------------------------------------------------------------------------

  #screenListener(): ScreenListener {
    return {
      isShown: () => this.phase === "ready",
      isBusy: () => this.#engine.isBusy,
      mayFreeze: () => this.#engine.kind === "fed",
      onReady: (video) => this.#pictureReady(video),
      onMoved: (positionSecs) => {
        const back = this.loop.backFrom(positionSecs);
        if (back !== null) this.seek(back);
      },
      onPaused: (secs) => this.#reporter?.report("paused", secs),
      onEnded: (secs) => this.#reporter?.report("ended", secs),
      onFailed: (message) => {
        if (this.ticket !== null) this.#fail({ code: "unreadable_media", message });
      },
      onStuck: () => void this.#reopen(),
    };
  }

  #pictureReady(video: VideoPort): void {
    const hasVideo = this.ticket?.tracks.some((track) => track.kind === "video") ?? false;
    if (hasVideo && video.videoWidth === 0) {
      this.#fail({ code: "unreadable_media", message: "the view shows no picture of this stream" });
      return;
    }
    if (this.phase === "failed") return;
    this.phase = "ready";
    this.#reopenCount = 0;
    if (this.firstFrameAfterMs === null) performance.mark(FIRST_FRAME);
    this.firstFrameAfterMs ??= Date.now() - this.openedAtMs;
    this.screen.settleFirst(video);
  }

  #reportPlaying(): void {
    const secs = this.phase === "ready" ? this.screen.playingSecs : null;
    if (secs !== null) this.#reporter?.report("playing", secs);
  }
}
