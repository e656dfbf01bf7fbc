/*
 * The second engine: libmpv, which plays the film below the page. To the page it looks like the video that it drives anyway: the
 * element's clock, ranges and events are lent to the film, so keys, map, subtitles and reports are the same for both engines.
 */
import type { MediaRun, PlaybackTicket, TrackInfo } from "../../lib/host/bindings";
import type { FilmEvent, FilmRequest } from "../../lib/host/film-window";
import type { Engine, EngineListener, Start } from "./engine";
import { audioFileId, audioIds, hasPictureTrack, pictureSize, Ranges, spansOfCache } from "./film-words";
import type { TimeSpan } from "./spans";

export interface FilmPort {
  ask(request: FilmRequest): void;
  /** Whether the server has such a file; rejects where it gives no answer. */
  isThere(path: string): Promise<boolean>;
  onFilmEvent(listener: (event: FilmEvent) => void): () => void;
}

export class FilmEngine implements Engine {
  readonly run: MediaRun | null = null;
  readonly isBusy = false;
  readonly kind = "direct";

  readonly #film: FilmPort;
  #listener: EngineListener | null = null;
  #path = "";
  #audio: TrackInfo | null = null;
  /** libmpv's numbers of the audio tracks, by their place among the file's streams. */
  #audioIds = new Map<number, number>();
  #trackList: string | null = null;
  #video: HTMLVideoElement | null = null;
  #heardSecs = 0;
  #heardAtMs = 0;
  #wantedSecs: number | null = null;
  #spans: TimeSpan[] = [];
  #isLoaded = false;
  #hasStarted = false;
  #hasPicture = false;
  #isRestarted = false;
  #isPaused = true;
  #isStarved = false;
  #isEnded = false;
  #size = { w: 0, h: 0 };
  #droppedFrames = 0;
  #rate = 1;
  #volume = 1;
  #gain = 1;
  #isMuted = false;
  #error: { code: number; message: string } | null = null;

  constructor(film: FilmPort) {
    this.#film = film;
  }

  /** Lends the video to the film, until the returned function is called. */
  attach(video: HTMLVideoElement): () => void {
    this.#video = video;
    const members: Record<string, PropertyDescriptor> = {
      currentTime: { get: () => this.#nowSecs(), set: (secs: number) => this.#seek(secs) },
      buffered: { get: () => new Ranges(this.#spans) },
      paused: { get: () => this.#isPaused },
      seeking: { get: () => this.#wantedSecs !== null },
      ended: { get: () => this.#isEnded },
      error: { get: () => this.#error },
      videoWidth: { get: () => this.#size.w },
      videoHeight: { get: () => this.#size.h },
      volume: { get: () => this.#volume, set: (level: number) => this.#setVolume(level, this.#gain) },
      muted: {
        get: () => this.#isMuted,
        set: (isMuted: boolean) => {
          this.#isMuted = isMuted;
          this.#film.ask({ kind: "mute", is_muted: isMuted });
        },
      },
      playbackRate: { get: () => this.#rate, set: (rate: number) => this.#setRate(rate) },
      play: { value: () => this.#play() },
      pause: { value: () => this.#pause() },
      getVideoPlaybackQuality: {
        value: () => ({ droppedVideoFrames: this.#droppedFrames, totalVideoFrames: "–" }),
      },
    };
    for (const [name, member] of Object.entries(members))
      Object.defineProperty(video, name, { ...member, configurable: true });
    const stop = this.#film.onFilmEvent((event) => this.#heard(event));
    return () => {
      stop();
      this.stop();
      for (const name of Object.keys(members)) Reflect.deleteProperty(video, name);
      this.#video = null;
    };
  }

  /** Every moment is asked for at once: what is missing, libmpv waits for itself. */
  isReadyAt(): boolean {
    return true;
  }

  open(_: HTMLVideoElement, ticket: PlaybackTicket, listener: EngineListener): Promise<void> {
    this.#path = ticket.file_path;
    this.#listener = listener;
    return Promise.resolve();
  }

  start({ ticket, atSecs, audio }: Start): Promise<void> {
    this.#forget();
    this.#wantedSecs = atSecs;
    this.#audio = audio;
    this.#film.ask({ kind: "load", path: this.#path, start_secs: atSecs });
    // Their order is known before the file is; nearly always it is libmpv's too.
    const tracks = ticket.tracks.filter((track) => track.kind === "audio");
    const place = tracks.findIndex((track) => track.stream_index === audio?.stream_index);
    this.#film.ask({ kind: "audio", id: beside(audio) === null ? Math.max(place, 0) + 1 : 1 });
    this.#film.ask({ kind: "pause", is_paused: this.#isPaused });
    return Promise.resolve();
  }

  selectAudio(track: TrackInfo): boolean {
    if (beside(track) !== null) {
      this.#audio = track;
      // Until the film is open, it takes no other file.
      if (this.#isLoaded) this.#hearBeside();
      return true;
    }
    const id = this.#audioIds.get(track.stream_index);
    if (id === undefined) return false;
    this.#audio = track;
    this.#film.ask({ kind: "audio", id });
    return true;
  }

  stop(): void {
    this.#forget();
    this.#film.ask({ kind: "stop" });
  }

  close(): void {
    this.#listener = null;
    this.stop();
  }

  /** Louder than the film, and evenly loud. */
  setSound(gain: number, isNight: boolean): void {
    this.#setVolume(this.#volume, gain);
    this.#film.ask({ kind: "night", is_on: isNight });
  }

  #forget(): void {
    this.#isLoaded = this.#hasStarted = this.#hasPicture = this.#isRestarted = false;
    this.#isStarved = this.#isEnded = false;
    this.#wantedSecs = null;
    this.#error = null;
    this.#audioIds = new Map();
    this.#trackList = null;
    this.#spans = [];
    this.#heardSecs = 0;
    this.#size = { w: 0, h: 0 };
  }

  /** Between two words of the player the clock runs on by itself. */
  #nowSecs(): number {
    if (this.#wantedSecs !== null) return this.#wantedSecs;
    const isRunning = this.#hasStarted && !this.#isPaused && !this.#isStarved && !this.#isEnded;
    const sinceSecs = isRunning ? (performance.now() - this.#heardAtMs) / 1000 : 0;
    return this.#heardSecs + Math.min(sinceSecs, 0.25) * this.#rate;
  }

  #seek(secs: number): void {
    if (!this.#isLoaded) return;
    this.#isEnded = false;
    this.#wantedSecs = secs;
    this.#film.ask({ kind: "seek", secs, is_exact: true });
    this.#tell("seeking");
  }

  #play(): Promise<void> {
    if (!this.#isPaused) return Promise.resolve();
    this.#isPaused = false;
    this.#heardAtMs = performance.now();
    this.#film.ask({ kind: "pause", is_paused: false });
    this.#tell("play");
    return Promise.resolve();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#heardSecs = this.#wantedSecs ?? this.#nowSecs();
    this.#isPaused = true;
    this.#film.ask({ kind: "pause", is_paused: true });
    this.#tell("pause");
  }

  #setRate(rate: number): void {
    this.#heardSecs = this.#wantedSecs ?? this.#nowSecs();
    this.#heardAtMs = performance.now();
    this.#rate = rate;
    this.#film.ask({ kind: "speed", rate });
  }

  #setVolume(level: number, gain: number): void {
    this.#volume = level;
    this.#gain = gain;
    this.#film.ask({ kind: "volume", level: level * gain });
  }

  #heard(event: FilmEvent): void {
    switch (event.kind) {
      case "property":
        return this.#propertyChanged(event.name, event.value);
      case "file_loaded":
        this.#isLoaded = true;
        this.#hearBeside();
        return;
      case "restart":
        return this.#restarted();
      case "end":
        if (event.error !== null) void this.#failed(event.error);
        return;
      case "seek":
      case "refused":
      case "screenshot":
      case "fullscreen":
        return;
    }
  }

  #propertyChanged(name: string, value: string | null): void {
    switch (name) {
      case "time-pos": {
        const secs = Number(value);
        if (value === null || !Number.isFinite(secs)) return;
        this.#heardSecs = Math.max(0, secs);
        this.#heardAtMs = performance.now();
        if (this.#hasPicture) this.#tell("timeupdate");
        return;
      }
      case "demuxer-cache-state":
        this.#spans = spansOfCache(value);
        this.#tell("progress");
        return;
      case "paused-for-cache":
        if (this.#isStarved === (value === "yes")) return;
        this.#isStarved = value === "yes";
        if (this.#hasPicture) this.#tell(this.#isStarved ? "waiting" : "playing");
        return;
      case "eof-reached":
        if (value !== "yes" || this.#isEnded || !this.#hasPicture) return;
        this.#isEnded = true;
        this.#tell("ended");
        return;
      case "video-params":
        this.#size = pictureSize(value);
        this.#firstPicture();
        return;
      case "track-list":
        this.#tracksKnown(value);
        return;
      case "frame-drop-count":
        this.#droppedFrames = Number(value ?? 0);
    }
  }

  /** Has the sound beside the film heard, if that is what was chosen. */
  #hearBeside(): void {
    const path = beside(this.#audio);
    if (path === null) return;
    const id = audioFileId(this.#trackList, path);
    this.#film.ask(id === undefined ? { kind: "audio_file", path } : { kind: "audio", id });
  }

  #hasVideoTrack = false;

  #restarted(): void {
    this.#isRestarted = true;
    this.#hasStarted = true;
    // Where it is exactly is told a little later.
    if (this.#wantedSecs !== null) [this.#heardSecs, this.#heardAtMs] = [this.#wantedSecs, performance.now()];
    this.#wantedSecs = null;
    this.#firstPicture();
    if (!this.#hasPicture) return;
    this.#tell("seeked");
    if (!this.#isPaused && !this.#isStarved) this.#tell("playing");
  }

  #tracksKnown(list: string | null): void {
    this.#trackList = list;
    this.#hasVideoTrack = hasPictureTrack(list);
    const before = this.#audio === null ? undefined : this.#audioIds.get(this.#audio.stream_index);
    this.#audioIds = audioIds(list);
    const id = this.#audio === null ? undefined : this.#audioIds.get(this.#audio.stream_index);
    if (id !== undefined && id !== before) this.#film.ask({ kind: "audio", id });
    this.#firstPicture();
  }

  /** The size of the picture may be told after the picture runs. */
  #firstPicture(): void {
    if (this.#hasPicture || !this.#isRestarted || (this.#hasVideoTrack && this.#size.w === 0)) return;
    this.#hasPicture = true;
    this.#tell("loadeddata");
    if (!this.#isPaused) this.#tell("playing");
  }

  /** A file that libmpv can't open may only have been forgotten by the other side. */
  async #failed(message: string): Promise<void> {
    const listener = this.#listener;
    const isThere = await this.#film.isThere(this.#path).catch(() => true);
    if (listener === null || listener !== this.#listener) return;
    if (!isThere) return listener.onGone();
    this.#error = { code: 4, message };
    this.#tell("error");
  }

  #tell(name: string): void {
    this.#video?.dispatchEvent(new Event(name));
  }
}

/** The path of a track in a file of its own; `null` for one inside the film. */
function beside(track: TrackInfo | null): string | null {
  return track?.file_path ?? null;
}
