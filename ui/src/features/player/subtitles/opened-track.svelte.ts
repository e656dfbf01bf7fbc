/*
 * A chosen track: opened, and filled with what the film says around the present moment. One question is under way at a
 * time; after a seek the next one is about the new place, and the other side ends the old one.
 */
import type { OpenedSubtitles, PlaybackId, SubtitleFont } from "../../../lib/host/bindings";
import type { Host } from "../../../lib/host/host";
import { toCallError } from "../../../lib/host/host";
import { CueList } from "./cue-list";
import type { Choosable } from "./tracks";
import { spanOf, wantedAt } from "./windows";

const RETRY_AFTER_MS = 3_000;
const MAX_FAILURES = 5;

export class OpenedTrack {
  readonly chosen: Choosable;
  state = $state<"opening" | "open" | "failed">("opening");
  cues = $state.raw(new CueList());
  /** The head of a script, or all of it. */
  script = $state.raw<string | null>(null);
  /** Events of the script so far, in the order in which they came. */
  events = $state.raw<readonly string[]>([]);
  fonts = $state.raw<readonly SubtitleFont[]>([]);
  charset = $state<string | null>(null);
  /** The film has nothing more to say that is not here. */
  isWhole = $state(false);

  readonly #host: Host;
  readonly playbackId: PlaybackId;
  readonly #durationSecs: number | null;
  readonly #loaded = new Set<number>();
  #asking: number | null = null;
  #askCount = 0;
  #openCount = 0;
  #failures = 0;
  #waitUntilMs = 0;
  #isClosed = false;

  constructor(host: Host, playbackId: PlaybackId, durationSecs: number | null, chosen: Choosable) {
    this.#host = host;
    this.playbackId = playbackId;
    this.#durationSecs = durationSecs;
    this.chosen = chosen;
    void this.open(null);
  }

  /** Reads it, by this encoding if one is given. */
  async open(charset: string | null): Promise<void> {
    const { track, file } = this.chosen;
    const openCount = ++this.#openCount;
    this.state = "opening";
    const asked = charset === null ? {} : { charset };
    try {
      let opened: OpenedSubtitles;
      if (file !== null) {
        const base64 = await base64Of(file);
        opened = await this.#host.call("subtitle_read", {
          playback_id: this.playbackId,
          name: file.name,
          base64,
          ...asked,
        });
      } else if (track.source !== null && track.form !== "pgs") {
        opened = await this.#host.call("subtitle_open", {
          playback_id: this.playbackId,
          source: track.source,
          ...asked,
        });
      } else {
        this.state = "open";
        return;
      }
      if (this.#isClosed || openCount !== this.#openCount) return;
      this.isWhole = opened.is_whole;
      this.cues = new CueList(opened.cues);
      this.script = opened.script;
      this.charset = opened.charset;
      this.fonts = opened.fonts;
      this.state = "open";
    } catch {
      if (!this.#isClosed && openCount === this.#openCount) this.state = "failed";
    }
  }

  close(): void {
    this.#isClosed = true;
  }

  /** The film is there: asks for what is missing around. */
  at(secs: number): void {
    const { source, form } = this.chosen.track;
    if (this.state !== "open" || this.isWhole || this.#isClosed || form === "pgs") return;
    if (source?.kind !== "embedded") return;
    const wanted = wantedAt(secs, this.#durationSecs);
    if (this.#asking !== null && wanted.includes(this.#asking)) return;
    if (this.#asking === null && Date.now() < this.#waitUntilMs) return;
    const next = wanted.find((window) => !this.#loaded.has(window));
    if (next !== undefined) void this.#ask(next, source, secs);
  }

  async #ask(window: number, source: NonNullable<Choosable["track"]["source"]>, secs: number): Promise<void> {
    const askCount = ++this.#askCount;
    const isOld = () => this.#isClosed || askCount !== this.#askCount;
    this.#asking = window;
    try {
      const found = await this.#host.call("subtitle_window", {
        playback_id: this.playbackId,
        source,
        ...spanOf(window),
      });
      // Late words are as good as early ones.
      if (this.#isClosed || this.#loaded.has(window)) return;
      this.#loaded.add(window);
      this.#failures = 0;
      this.cues = this.cues.with(found.cues);
      if (found.events.length > 0) this.events = [...this.events, ...found.events];
    } catch (error) {
      if (isOld()) return;
      const { code } = toCallError(error);
      this.#waitUntilMs = Date.now() + RETRY_AFTER_MS;
      // What did not come in time may come later; what can't be read never will.
      if (code !== "stalled" && code !== "cancelled" && code !== "busy") this.#failures += 1;
      if (this.#failures >= MAX_FAILURES) this.state = "failed";
    }
    if (isOld()) return;
    this.#asking = null;
    this.at(secs);
  }
}

function base64Of(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(reader.error ?? new Error("the file can't be read"));
    reader.onload = () => {
      const text = typeof reader.result === "string" ? reader.result : "";
      resolve(text.slice(text.indexOf(",") + 1));
    };
    reader.readAsDataURL(file);
  });
}
