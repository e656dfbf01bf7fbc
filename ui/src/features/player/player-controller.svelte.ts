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
import type { AudioMemory } from "./audio-memory";
import { chapterStep } from "./chapters";
import type { FetchPart, FeederListener } from "./feeder";
import { Feeder } from "./feeder";
import type { DirectFilm } from "./film-engine";
import { AHEAD_SECS, FrozenWatch, LOOK_EVERY_MS, NUDGE_SECS } from "./frozen-watch";
import type { Direction } from "./keybinds";
import { LoopControl } from "./loop.svelte";
import { PictureControl } from "./picture.svelte";
import { Reporter } from "./reporter";
import type { SoundControl } from "./sound.svelte";
import type { TimeSpan } from "./spans";
import { isReadyAt, spansOf } from "./spans";
import { SpeedControl } from "./speed.svelte";
import type { Phase } from "./stages";
import { StallWatch } from "./stall-watch.svelte";
import { Upcoming } from "./upcoming";
import { inLanguage } from "./tracks";
import { VolumeControl } from "./volume.svelte";

export const SEEK_DEBOUNCE_MS = 150;
export const REPORT_EVERY_MS = 1_000;
/** A file's last moment can't be jumped to: nothing would be left to show. */
const LAST_MOMENT_SECS = 1;
const GAP_JUMP_SECS = 0.5;
/** The view does not tell how long a picture stands; most films have 24 or 25 in a second. */
const FRAME_SECS = 1 / 24;
/** How often a playback that the other side has forgotten is opened again before somebody is asked. */
const MAX_REOPENS = 3;

export type VideoPort = HTMLVideoElement;

export interface PlayerParts {
  canPlayType: (mime: string) => boolean;
  openMediaSource: (video: VideoPort) => Promise<MediaSource>;
  fetchPart: FetchPart;
  /** What was chosen in other files of a torrent; without it every file begins with its first track. */
  audioMemory?: Pick<AudioMemory, "remember" | "recall">;
  /** Plays the file as it is, in place of the media source. */
  direct?: DirectFilm;
  sound?: SoundControl;
}

export class PlayerController {
  target = $state.raw<PlayerTarget | null>(null);
  phase = $state<Phase>("waiting");
  error = $state.raw<WireError | null>(null);
  ticket = $state.raw<PlaybackTicket | null>(null);
  run = $state.raw<MediaRun | null>(null);

  /** What the person wants; the picture follows as soon as it can. */
  wantsToPlay = $state(true);
  needsGesture = $state(false);
  isEnded = $state(false);
  audioStream = $state<number | null>(null);
  buffered = $state.raw<TimeSpan[]>([]);
  openedAtMs = $state(0);
  firstFrameAfterMs = $state<number | null>(null);
  readonly stall = new StallWatch();
  readonly speed = new SpeedControl();
  readonly picture = new PictureControl();
  readonly loop = new LoopControl();
  readonly volume: VolumeControl;
  readonly upcoming: Upcoming;

  #videoSecs = $state(0);
  #wantedSecs = $state<number | null>(null);
  #endSecs = $state<number | null>(null);

  /** Where the film is, or where it was told to go. */
  readonly positionSecs = $derived(this.#wantedSecs ?? this.#videoSecs);
  readonly durationSecs = $derived(this.ticket?.duration_secs ?? this.#endSecs);
  readonly audioTracks: TrackInfo[] = $derived(
    this.ticket?.tracks.filter((track) => track.kind === "audio") ?? [],
  );

  /** What is heard. */
  readonly audioTrack: TrackInfo | null = $derived(
    this.audioTracks.find((track) => track.stream_index === this.audioStream) ?? this.audioTracks[0] ?? null,
  );

  readonly #host: Host;
  readonly #parts: PlayerParts;
  #video: VideoPort | null = null;
  #feeder: Feeder | null = null;
  #reporter: Reporter | null = null;
  /** Answers that belong to an earlier target or an earlier seek are old news. */
  #openCount = 0;
  #runCount = 0;
  #reopenCount = 0;
  #defaultSpeed = 1;
  #audioLanguage = "";
  #isRunRequested = false;
  #seekTimer: ReturnType<typeof setTimeout> | undefined;
  #reportTimer: ReturnType<typeof setInterval> | undefined;
  #frozenTimer: ReturnType<typeof setInterval> | undefined;
  readonly #frozen = new FrozenWatch();
  #isPictureSeeking = false;
  /** The failure is one of the torrent, not of the file: news of the torrent may end it. */
  #isTorrentProblem = false;
  #torrent: TorrentSummary | undefined;

  constructor(host: Host, parts: PlayerParts) {
    this.#host = host;
    this.#parts = parts;
    this.volume = new VolumeControl(host, parts.sound);
    this.upcoming = new Upcoming(host, {
      canPlayType: parts.canPlayType,
      fetchPart: parts.fetchPart,
      chooseAudio: (ticket) => this.#recallAudio(ticket),
    });
  }

  /** The file is played as it is: nothing is made ready of it beforehand. */
  get isDirect(): boolean {
    return this.#parts.direct !== undefined;
  }

  /** Drives this video until the returned function is called. */
  attach(video: VideoPort): () => void {
    const abort = new AbortController();
    const on = (name: string, listener: () => void) =>
      video.addEventListener(name, listener, { signal: abort.signal });
    this.#video = video;
    this.volume.attach(video);
    this.speed.attach(video);
    on("timeupdate", () => this.#timeChanged(video));
    on("progress", () => this.#readBuffered(video));
    on("loadedmetadata", () => this.#recallPosition(video));
    on("loadeddata", () => this.#firstPicture(video));
    on("waiting", () => this.#pictureWaits(video));
    on("playing", () => this.#pictureRuns());
    on("seeking", () => (this.#isPictureSeeking = true));
    on("seeked", () => this.#seekArrived());
    on("pause", () => this.#pausedFromOutside(video));
    on("play", () => (this.wantsToPlay = true));
    on("ended", () => this.#pictureEnded(video));
    on("error", () => this.#videoFailed(video));
    this.#reportTimer = setInterval(() => this.#reportPlaying(), REPORT_EVERY_MS);
    this.#frozenTimer = setInterval(() => this.#lookIfFrozen(video), LOOK_EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(this.#reportTimer);
      clearInterval(this.#frozenTimer);
      this.#video = null;
    };
  }

  settingsArrived(settings: Settings): void {
    this.volume.settingsArrived(settings);
    const { default_speed, audio_language } = settings.playback;
    // What was chosen here holds until somebody chooses another beginning.
    if (default_speed !== this.#defaultSpeed) this.speed.set(default_speed);
    this.#defaultSpeed = default_speed;
    this.#audioLanguage = audio_language;
  }

  /** Shows another file, or the same one once more. */
  open(target: PlayerTarget): void {
    this.#leavePlayback();
    this.target = target;
    this.phase = "waiting";
    this.error = null;
    this.ticket = null;
    this.wantsToPlay = true;
    this.needsGesture = false;
    this.audioStream = null;
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
      void this.#openPlayback(null);
    }
  }

  togglePlay(): void {
    if (this.isEnded) {
      this.seek(0);
      return;
    }
    if (this.wantsToPlay && !this.needsGesture) this.pause();
    else this.play();
  }

  play(): void {
    this.wantsToPlay = true;
    this.needsGesture = false;
    this.#playVideo();
  }

  pause(): void {
    this.wantsToPlay = false;
    this.stall.reset();
    this.#video?.pause();
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
    this.seekBy(direction * FRAME_SECS);
  }

  /** The next audio track in their order; `null` where there is no other. */
  nextAudio(): TrackInfo | null {
    const tracks = this.audioTracks;
    const at = tracks.findIndex((track) => track.stream_index === this.audioStream);
    const next = tracks.length > 1 ? tracks[(Math.max(at, 0) + 1) % tracks.length] : undefined;
    if (next === undefined) return null;
    this.selectAudio(next.stream_index);
    return next;
  }

  /** At once where the film is ready; else a new run, as soon as the hand rests. */
  seek(secs: number): void {
    const video = this.#video;
    if (!video || this.ticket === null || this.phase === "failed") return;
    const last = this.durationSecs === null ? Infinity : Math.max(0, this.durationSecs - LAST_MOMENT_SECS);
    const wanted = Math.min(Math.max(0, secs), last);
    if (this.isEnded) {
      this.isEnded = false;
      this.wantsToPlay = true;
    }
    this.#wantedSecs = wanted;
    clearTimeout(this.#seekTimer);
    this.#seekTimer = undefined;
    const isReady = this.isDirect || isReadyAt(spansOf(video.buffered), wanted);
    if (isReady && !this.#isRunRequested) {
      video.currentTime = wanted;
      this.#reporter?.report("seeked", wanted);
      if (this.wantsToPlay) this.#playVideo();
      return;
    }
    video.currentTime = wanted;
    this.#seekTimer = setTimeout(() => {
      this.#seekTimer = undefined;
      this.#reporter?.report("seeked", wanted);
      void this.#startRun(wanted);
    }, SEEK_DEBOUNCE_MS);
  }

  selectAudio(streamIndex: number): void {
    if (this.ticket === null || streamIndex === this.audioStream) return;
    this.audioStream = streamIndex;
    const track = this.audioTracks.find((known) => known.stream_index === streamIndex);
    if (track) this.#parts.audioMemory?.remember(this.ticket.info_hash, track);
    if (this.#parts.direct) {
      if (track) this.#parts.direct.selectAudio(this.audioTracks.indexOf(track));
      return;
    }
    void this.#startRun(this.positionSecs);
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
      await this.#openPlayback(null);
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
    const video = this.#video;
    if (target === null || video === null) return;
    const openCount = ++this.#openCount;
    const isOld = () => openCount !== this.#openCount;
    this.phase = "opening";
    this.error = null;
    this.isEnded = false;
    try {
      const prepared = atSecs === null ? await this.upcoming.take(target) : null;
      const ticket = prepared?.ticket ?? (await this.#askForTicket(target));
      if (isOld()) {
        new Reporter(this.#host, ticket.playback_id, ticket.duration_secs).report(
          "closed",
          ticket.resume_at_secs,
        );
        return;
      }
      this.#reporter = new Reporter(this.#host, ticket.playback_id, ticket.duration_secs);
      this.ticket = ticket;
      this.audioStream ??= prepared?.audioStream ?? this.#recallAudio(ticket);
      this.phase = "starting";
      if (this.#parts.direct) return this.#startDirect(this.#parts.direct, ticket, atSecs);
      const source = await this.#parts.openMediaSource(video);
      if (isOld()) return;
      this.speed.apply();
      this.#feeder = new Feeder(
        video,
        source,
        ticket.duration_secs,
        this.upcoming.fetchPart,
        this.#listenerOf(openCount),
      );
      await this.#startRun(atSecs ?? ticket.resume_at_secs, prepared?.run);
    } catch (error) {
      if (isOld()) return;
      const refusal = toCallError(error);
      if (refusal.code === "not_ready" && this.#torrent?.state === "resolving") this.phase = "resolving";
      else this.#fail(refusal.toWire());
    }
  }

  async #askForTicket(target: PlayerTarget): Promise<PlaybackTicket> {
    const info = await this.#host.call("app_info", {});
    return this.#host.call("playback_open", {
      ...target,
      playable_types: info.probed_types.filter(this.#parts.canPlayType),
    });
  }

  /** The track that is like the one that was chosen before in this torrent. */
  #recallAudio(ticket: PlaybackTicket): number | null {
    const tracks = ticket.tracks.filter((track) => track.kind === "audio");
    const recalled = this.#parts.audioMemory?.recall(ticket.info_hash, tracks);
    return (recalled ?? inLanguage(tracks, this.#audioLanguage))?.stream_index ?? null;
  }

  #startDirect(direct: DirectFilm, ticket: PlaybackTicket, atSecs: number | null): void {
    const startSecs = atSecs ?? ticket.resume_at_secs;
    const index = this.audioTracks.findIndex((track) => track.stream_index === this.audioStream);
    this.#wantedSecs = startSecs;
    if (this.wantsToPlay) this.#playVideo();
    direct.load(ticket.stream_path, startSecs, index < 0 ? null : index);
    this.speed.apply();
  }

  /** `started` is a run that delivers from there already. */
  async #startRun(atSecs: number, started?: MediaRun): Promise<void> {
    const { ticket } = this;
    const video = this.#video;
    if (ticket === null || video === null) return;
    const runCount = ++this.#runCount;
    const isOld = () => runCount !== this.#runCount;
    this.#isRunRequested = true;
    this.#feeder?.stop();
    this.#wantedSecs = atSecs;
    if (this.phase === "ready") this.stall.dry();
    video.currentTime = atSecs;
    if (this.wantsToPlay) this.#playVideo();
    try {
      const run =
        started ??
        (await this.#host.call("playback_start", {
          playback_id: ticket.playback_id,
          at_secs: atSecs,
          ...(this.audioStream === null ? {} : { audio_stream: this.audioStream }),
        }));
      if (isOld()) return;
      this.#isRunRequested = false;
      this.run = run;
      this.#feeder?.start(run, atSecs);
    } catch (error) {
      if (isOld()) return;
      this.#isRunRequested = false;
      const refusal = toCallError(error);
      if (refusal.code === "not_found") await this.#reopen();
      else this.#fail(refusal.toWire());
    }
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

  #listenerOf(openCount: number): FeederListener {
    const ifCurrent = (action: () => void) => {
      if (openCount === this.#openCount) action();
    };
    return {
      onEnd: (hasMedia) =>
        ifCurrent(() => {
          const video = this.#video;
          if (video) this.#readBuffered(video);
          if (hasMedia) this.#endSecs = this.buffered.at(-1)?.endSecs ?? null;
          else if (video) this.#pictureEnded(video);
        }),
      onGone: () => ifCurrent(() => void this.#reopen()),
      onFailed: (reason, isReachable) =>
        ifCurrent(() => this.#fail({ code: isReachable ? "unreadable_media" : "internal", message: reason })),
    };
  }

  #leavePlayback(): void {
    this.#openCount += 1;
    this.#runCount += 1;
    this.#isRunRequested = false;
    clearTimeout(this.#seekTimer);
    this.#seekTimer = undefined;
    this.#feeder?.stop();
    this.#feeder = null;
    this.#parts.direct?.stop();
    this.#reporter?.report("closed", this.positionSecs);
    this.#reporter = null;
    this.ticket = null;
    this.run = null;
    this.isEnded = false;
    this.buffered = [];
    this.stall.reset();
    this.#isPictureSeeking = false;
    this.#wantedSecs = null;
    this.#videoSecs = 0;
    this.#endSecs = null;
    this.#video?.pause();
  }

  #fail(error: WireError): void {
    this.#feeder?.stop();
    this.stall.reset();
    this.#isTorrentProblem = false;
    this.error = error;
    this.phase = "failed";
    this.#video?.pause();
  }

  // --- what the video says --------------------------------------------------------------------------------------

  #playVideo(): void {
    this.#video?.play().catch((error: unknown) => {
      // Interrupted by a newer load or pause is no news; forbidden until somebody presses something is.
      if (error instanceof Error && error.name === "NotAllowedError") this.needsGesture = true;
    });
  }

  #timeChanged(video: VideoPort): void {
    const hasMoved = video.currentTime !== this.#videoSecs;
    this.#videoSecs = video.currentTime;
    this.#readBuffered(video);
    if (hasMoved && !video.seeking && !video.paused) this.stall.flowing();
    const back = this.loop.backFrom(this.positionSecs);
    if (back !== null && !video.seeking) this.seek(back);
  }

  #readBuffered(video: VideoPort): void {
    this.buffered = spansOf(video.buffered);
  }

  #firstPicture(video: VideoPort): void {
    const hasVideo = this.ticket?.tracks.some((track) => track.kind === "video") ?? false;
    if (hasVideo && video.videoWidth === 0) {
      this.#fail({ code: "unreadable_media", message: "the view shows no picture of this stream" });
      return;
    }
    if (this.phase === "failed") return;
    this.phase = "ready";
    this.#reopenCount = 0;
    this.firstFrameAfterMs ??= Date.now() - this.openedAtMs;
    this.#recallPosition(video);
    this.#settleSeek(video);
  }

  /** Some views forget a position that was set before they knew the stream, and there may be no picture where they begin. */
  #recallPosition(video: VideoPort): void {
    if (this.#wantedSecs !== null && Math.abs(video.currentTime - this.#wantedSecs) > GAP_JUMP_SECS) {
      video.currentTime = this.#wantedSecs;
    }
  }

  #pictureWaits(video: VideoPort): void {
    if (!this.wantsToPlay || this.phase !== "ready") return;
    const next = this.buffered.find((span) => span.startSecs > video.currentTime);
    if (next && next.startSecs - video.currentTime < GAP_JUMP_SECS) {
      video.currentTime = next.startSecs + 0.001;
      return;
    }
    this.stall.dry();
  }

  #lookIfFrozen(video: VideoPort): void {
    const secs = video.currentTime;
    // A seek to what is there has no reason to last either.
    const isBusy = this.#seekTimer !== undefined || this.#isRunRequested;
    // A view that stands may tell nothing of what comes in.
    const isAhead = spansOf(video.buffered).some(
      (span) => span.startSecs <= secs && span.endSecs >= secs + AHEAD_SECS,
    );
    const shouldMove =
      this.phase === "ready" && this.wantsToPlay && !this.isEnded && !video.paused && !isBusy && isAhead;
    switch (this.#frozen.look(shouldMove, secs, Date.now())) {
      case "nudge":
        video.currentTime = secs + NUDGE_SECS;
        return;
      case "replay":
        // Not through `pause`, which would be the person's.
        video.pause();
        this.wantsToPlay = true;
        this.#playVideo();
        return;
      case "reopen":
        void this.#reopen();
        return;
      case null:
    }
  }

  /** Media keys and the system pause the video without asking us. */
  #pausedFromOutside(video: VideoPort): void {
    if (this.phase !== "ready" || !this.wantsToPlay || !video.paused || video.ended) return;
    this.wantsToPlay = false;
    this.#reporter?.report("paused", video.currentTime);
  }

  #pictureRuns(): void {
    this.needsGesture = false;
    this.stall.flowing();
    if (this.#video) this.#settleSeek(this.#video);
  }

  #seekArrived(): void {
    this.#isPictureSeeking = false;
    if (this.#video) this.#settleSeek(this.#video);
  }

  /** From here on the video's own time counts, unless a newer seek is on its way. */
  #settleSeek(video: VideoPort): void {
    if (this.#seekTimer !== undefined || this.#isRunRequested || this.#isPictureSeeking || video.seeking)
      return;
    this.#videoSecs = video.currentTime;
    this.#wantedSecs = null;
    if (video.paused) this.stall.reset();
  }

  #pictureEnded(video: VideoPort): void {
    if (this.isEnded || this.#seekTimer !== undefined || this.#isRunRequested) return;
    this.isEnded = true;
    this.wantsToPlay = false;
    this.stall.reset();
    this.#reporter?.report("ended", video.currentTime);
  }

  #videoFailed(video: VideoPort): void {
    if (this.ticket === null || !video.error) return;
    this.#fail({
      code: "unreadable_media",
      message: video.error.message || `media error ${video.error.code}`,
    });
  }

  #reportPlaying(): void {
    const video = this.#video;
    if (!video || this.phase !== "ready" || video.paused || video.seeking || this.#wantedSecs !== null)
      return;
    this.#reporter?.report("playing", video.currentTime);
  }
}
