/*
 * Brings the parts of a run into a media source: pulls them one by one, so that the other side never sends more than
 * will be shown soon, and gives up what lies far behind. Knows nothing of torrents, commands or components.
 */

/** What the other side says to a request for one part. */
export type PartAnswer =
  | { kind: "part"; bytes: ArrayBuffer }
  /** The file has ended. */
  | { kind: "end" }
  /** This run is over: another one took its place, or the other side was restarted. */
  | { kind: "gone" }
  | { kind: "failed"; reason: string };

/** Rejects if there was no answer; then the same part is asked for again. */
export type FetchPart = (path: string, part: number, signal: AbortSignal) => Promise<PartAnswer>;

/** The part of `HTMLMediaElement` that feeding needs. */
export interface MediaClock extends EventTarget {
  currentTime: number;
  readonly buffered: TimeRanges;
}

export interface FeederListener {
  /** The run came to the end of the file. `hasMedia` is false if it started behind the last picture. */
  onEnd(hasMedia: boolean): void;
  onGone(): void;
  /** `isReachable` is false if the other side gave no answer at all, for a long time. */
  onFailed(reason: string, isReachable: boolean): void;
}

export interface Run {
  mime: string;
  path: string;
  timestamp_offset_secs: number;
}

/** Pulling stops while this much is ready. */
export const AHEAD_SECS = 30;
/** What lies further behind is given up. */
export const BEHIND_SECS = 60;
/** Giving up in small pieces is not worth the work. */
const BEHIND_SLACK_SECS = 10;
const BEHIND_WHEN_FULL_SECS = 5;
/**
 * Every view bridges a gap of two frames before the first picture by itself (most files have one: sound starts before
 * the picture). To jump over it would be a seek into a stream that is just starting.
 */
const BRIDGED_SECS = 2002 / 24_000;
/** Pictures may start a little after the wanted time (frames that wait for others); further off it is a gap. */
const NUDGE_SECS = 1;
const RETRY_AFTER_MS = [250, 500, 1_000, 2_000, 4_000, 8_000] as const;
const MAX_ATTEMPTS = 12;

export class Feeder {
  readonly #media: MediaClock;
  readonly #source: MediaSource;
  readonly #fetchPart: FetchPart;
  readonly #listener: FeederListener;
  readonly #durationSecs: number | null;

  #buffer: SourceBuffer | null = null;
  #mime = "";
  #abort = new AbortController();
  #current: Promise<void> = Promise.resolve();

  /** `source` must be open. */
  constructor(
    media: MediaClock,
    source: MediaSource,
    durationSecs: number | null,
    fetchPart: FetchPart,
    listener: FeederListener,
  ) {
    this.#media = media;
    this.#source = source;
    this.#durationSecs = durationSecs;
    this.#fetchPart = fetchPart;
    this.#listener = listener;
  }

  /** Replaces what is there by a run that starts at or a little before `wantedSecs`. */
  start(run: Run, wantedSecs: number): void {
    this.stop();
    const abort = new AbortController();
    this.#abort = abort;
    const previous = this.#current;
    this.#current = previous
      .then(() => this.#feed(run, wantedSecs, abort.signal))
      .catch((error: unknown) => {
        if (abort.signal.aborted) return;
        this.#listener.onFailed(error instanceof Error ? error.message : String(error), true);
      });
  }

  /** Asks for nothing more. What is there stays. */
  stop(): void {
    this.#abort.abort();
  }

  /** Resolves when nothing is under way any more. */
  settled(): Promise<void> {
    return this.#current;
  }

  async #feed(run: Run, wantedSecs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const buffer = await this.#emptyBuffer(run.mime, signal);
    // What the run moves to before the beginning is not shown.
    buffer.timestampOffset = run.timestamp_offset_secs;
    for (let part = 0; ; part += 1) {
      while (part > 0 && this.#aheadSecs() >= AHEAD_SECS) await this.#mediaMoves(signal);
      const answer = await this.#fetchPatiently(run.path, part, signal);
      signal.throwIfAborted();
      switch (answer.kind) {
        case "part":
          await this.#append(buffer, answer.bytes, signal);
          if (part > 0) this.#nudge(wantedSecs);
          await this.#giveUp(buffer, BEHIND_SECS, BEHIND_SLACK_SECS, signal);
          break;
        case "end": {
          const hasMedia = buffer.buffered.length > 0;
          if (hasMedia && this.#source.readyState === "open") this.#source.endOfStream();
          this.#listener.onEnd(hasMedia);
          return;
        }
        case "gone":
          this.#listener.onGone();
          return;
        case "failed":
          this.#listener.onFailed(answer.reason, true);
          return;
      }
    }
  }

  /** The buffer, without the last run's pictures and ready for a new header. */
  async #emptyBuffer(mime: string, signal: AbortSignal): Promise<SourceBuffer> {
    if (this.#buffer === null) {
      if (this.#durationSecs !== null) this.#source.duration = this.#durationSecs;
      this.#buffer = this.#source.addSourceBuffer(mime);
      this.#mime = mime;
      return this.#buffer;
    }
    const buffer = this.#buffer;
    if (buffer.updating) await updated(buffer, signal);
    // Half of a part may be inside; only an open source has a parser to reset.
    if (this.#source.readyState === "open") buffer.abort();
    if (buffer.buffered.length > 0) {
      buffer.remove(0, Infinity);
      await updated(buffer, signal);
    }
    if (mime !== this.#mime) {
      buffer.changeType(mime);
      this.#mime = mime;
    }
    // The end of an earlier run may have shortened it.
    if (this.#durationSecs !== null && this.#source.readyState === "open") {
      this.#source.duration = this.#durationSecs;
    }
    return buffer;
  }

  async #fetchPatiently(path: string, part: number, signal: AbortSignal): Promise<PartAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#fetchPart(path, part, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (attempt >= MAX_ATTEMPTS) {
          this.#listener.onFailed(error instanceof Error ? error.message : String(error), false);
          this.stop();
          signal.throwIfAborted();
        }
        await delay(RETRY_AFTER_MS[Math.min(attempt, RETRY_AFTER_MS.length) - 1] ?? 8_000, signal);
      }
    }
  }

  async #append(buffer: SourceBuffer, bytes: ArrayBuffer, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        buffer.appendBuffer(bytes);
      } catch (error) {
        if (!isQuotaExceeded(error)) throw error;
        // Full: give up more than usual, else wait until something was watched.
        const gaveUp = await this.#giveUp(buffer, BEHIND_WHEN_FULL_SECS, 0, signal);
        if (!gaveUp) await this.#mediaMoves(signal);
        continue;
      }
      await updated(buffer, signal);
      return;
    }
  }

  async #giveUp(
    buffer: SourceBuffer,
    keepSecs: number,
    slackSecs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const keepFrom = this.#media.currentTime - keepSecs;
    if (buffer.buffered.length === 0 || buffer.buffered.start(0) >= keepFrom - slackSecs) return false;
    buffer.remove(0, keepFrom);
    await updated(buffer, signal);
    return true;
  }

  /** How much is ready after the present position. */
  #aheadSecs(): number {
    const { buffered } = this.#media;
    if (buffered.length === 0) return 0;
    // Until the video has arrived there its position may still be an old one.
    return buffered.end(buffered.length - 1) - Math.max(this.#media.currentTime, buffered.start(0));
  }

  #nudge(wantedSecs: number): void {
    const { buffered, currentTime } = this.#media;
    if (buffered.length === 0) return;
    const start = buffered.start(0);
    if (start - currentTime <= BRIDGED_SECS) return;
    if (Math.abs(currentTime - wantedSecs) < 0.5 && start - wantedSecs <= NUDGE_SECS) {
      this.#media.currentTime = start + 0.001;
    }
  }

  #mediaMoves(signal: AbortSignal): Promise<void> {
    return nextEvent(this.#media, ["timeupdate", "seeking", "seeked"], signal);
  }
}

function isQuotaExceeded(error: unknown): boolean {
  return error instanceof Error && error.name === "QuotaExceededError";
}

async function updated(buffer: SourceBuffer, signal: AbortSignal): Promise<void> {
  let hasFailed = false;
  const failed = () => (hasFailed = true);
  buffer.addEventListener("error", failed, { once: true });
  try {
    await nextEvent(buffer, ["updateend"], signal);
  } finally {
    buffer.removeEventListener("error", failed);
  }
  if (hasFailed) throw new Error("the view can't read this stream");
}

function nextEvent(target: EventTarget, names: readonly string[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const done = () => {
      leave();
      resolve();
    };
    const aborted = () => {
      leave();
      reject(signal.reason as Error);
    };
    const leave = () => {
      for (const name of names) target.removeEventListener(name, done);
      signal.removeEventListener("abort", aborted);
    };
    for (const name of names) target.addEventListener(name, done);
    signal.addEventListener("abort", aborted);
  });
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal.addEventListener("abort", aborted, { once: true });
  });
}
