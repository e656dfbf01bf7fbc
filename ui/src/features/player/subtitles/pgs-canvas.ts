/*
 * Draws pictures of discs. Around the present moment the film's pictures are fetched, one window of time after another; a
 * file of the torrent comes as a whole. Sizes were looked at by Rust.
 */
import type { PlaybackId, SubtitleTrack } from "../../../lib/host/bindings";
import type { Host } from "../../../lib/host/host";
import { spanOf, wantedAt, windowAt } from "./windows";

/** The part of the library that is used here. */
export interface PgsDrawing {
  loadFromBuffer: (buffer: ArrayBuffer) => Promise<void>;
  renderAtTimestamp: (secs: number) => void;
  dispose: () => void;
}

const RETRY_AFTER_MS = 3_000;
/** Windows that are kept around the present one. */
const KEPT_AROUND = 6;

export class PgsCanvas {
  readonly #host: Host;
  readonly #playbackId: PlaybackId;
  readonly #source: SubtitleTrack["source"];
  readonly #durationSecs: number | null;
  readonly #drawing: PgsDrawing;
  readonly #windows = new Map<number, Uint8Array>();
  #asking: number | null = null;
  #abort = new AbortController();
  #waitUntilMs = 0;
  #isClosed = false;
  #isFileLoaded = false;

  constructor(
    host: Host,
    playbackId: PlaybackId,
    source: SubtitleTrack["source"],
    durationSecs: number | null,
    drawing: PgsDrawing,
  ) {
    this.#host = host;
    this.#playbackId = playbackId;
    this.#source = source;
    this.#durationSecs = durationSecs;
    this.#drawing = drawing;
    if (source.kind === "file") void this.#loadFile(source.file_index);
  }

  static async open(
    host: Host,
    canvas: HTMLCanvasElement,
    playbackId: PlaybackId,
    source: SubtitleTrack["source"],
    durationSecs: number | null,
  ): Promise<PgsCanvas> {
    const [{ PgsRenderer }, { default: workerUrl }] = await Promise.all([
      import("libpgs"),
      import("libpgs/dist/libpgs.worker.js?url"),
    ]);
    return new PgsCanvas(host, playbackId, source, durationSecs, new PgsRenderer({ canvas, workerUrl }));
  }

  draw(secs: number): void {
    if (this.#isClosed) return;
    this.#drawing.renderAtTimestamp(Math.max(0, secs));
    this.#at(secs);
  }

  close(): void {
    this.#isClosed = true;
    this.#abort.abort();
    this.#drawing.dispose();
  }

  #at(secs: number): void {
    const source = this.#source;
    if (source.kind !== "embedded") return;
    const wanted = wantedAt(secs, this.#durationSecs);
    if (this.#asking !== null && wanted.includes(this.#asking)) return;
    if (this.#asking === null && Date.now() < this.#waitUntilMs) return;
    const next = wanted.find((window) => !this.#windows.has(window));
    if (next !== undefined) void this.#ask(next, source.stream_index, secs);
  }

  async #ask(window: number, stream: number, secs: number): Promise<void> {
    this.#abort.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#asking = window;
    const { from_secs, to_secs } = spanOf(window);
    try {
      const bytes = await this.#fetch(`sup-s${stream}-${from_secs * 1000}-${to_secs * 1000}`, abort.signal);
      abort.signal.throwIfAborted();
      this.#windows.set(window, bytes);
      for (const known of this.#windows.keys()) {
        if (Math.abs(known - windowAt(secs)) > KEPT_AROUND) this.#windows.delete(known);
      }
      await this.#load([...this.#windows].sort(([a], [b]) => a - b).map(([, part]) => part));
    } catch {
      if (abort.signal.aborted) return;
      this.#waitUntilMs = Date.now() + RETRY_AFTER_MS;
    }
    if (!abort.signal.aborted) this.#asking = null;
  }

  async #loadFile(fileIndex: number): Promise<void> {
    while (!this.#isClosed && !this.#isFileLoaded) {
      try {
        await this.#load([await this.#fetch(`sup-f${fileIndex}`, this.#abort.signal)]);
        this.#isFileLoaded = true;
      } catch {
        await new Promise((later) => setTimeout(later, RETRY_AFTER_MS));
      }
    }
  }

  async #fetch(part: string, signal: AbortSignal): Promise<Uint8Array> {
    const address = await this.#host.serverUrl(`/media/${this.#playbackId}/${part}`);
    const response = await fetch(address, { signal, cache: "no-store" });
    if (!response.ok) throw new Error(`${part}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  }

  async #load(parts: readonly Uint8Array[]): Promise<void> {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    if (!this.#isClosed) await this.#drawing.loadFromBuffer(all.buffer);
  }
}
