/* A video and a media source without a browser behind them: tests say what is buffered and when things are done. */
type Span = [start: number, end: number];

export class FakeRanges implements TimeRanges {
  readonly #spans: readonly Span[];

  constructor(spans: readonly Span[]) {
    this.#spans = spans;
  }

  get length(): number {
    return this.#spans.length;
  }

  start(index: number): number {
    return this.#spans[index]?.[0] ?? Number.NaN;
  }

  end(index: number): number {
    return this.#spans[index]?.[1] ?? Number.NaN;
  }
}

/** Bytes of a part: `seconds(0, 2)` holds the film from 0 to 2. An empty part is a header. */
export function seconds(start: number, end: number): ArrayBuffer {
  return new Float64Array([start, end]).buffer;
}

export const HEADER = new ArrayBuffer(0);

export class FakeSourceBuffer extends EventTarget {
  updating = false;
  timestampOffset = 0;
  spans: Span[] = [];
  readonly appended: ArrayBuffer[] = [];
  readonly removed: Span[] = [];
  readonly types: string[] = [];
  abortCount = 0;
  /** Above this many seconds nothing more fits in. */
  capacitySecs = Infinity;
  /** The next append is one that the view can't read. */
  rejectsNext = false;

  get buffered(): TimeRanges {
    return new FakeRanges(this.spans);
  }

  appendBuffer(bytes: ArrayBuffer): void {
    if (this.updating) throw new DOMException("updating", "InvalidStateError");
    const span = bytes.byteLength === 0 ? null : ([...new Float64Array(bytes)] as Span);
    const held = this.spans.reduce((sum, [start, end]) => sum + end - start, 0);
    if (span && held + span[1] - span[0] > this.capacitySecs) {
      throw new DOMException("full", "QuotaExceededError");
    }
    this.appended.push(bytes);
    const isRejected = this.rejectsNext;
    this.rejectsNext = false;
    this.#later(() => {
      if (isRejected) this.dispatchEvent(new Event("error"));
      else if (span) this.#add(span);
    });
  }

  remove(start: number, end: number): void {
    if (this.updating) throw new DOMException("updating", "InvalidStateError");
    this.removed.push([start, end]);
    this.#later(() => {
      this.spans = this.spans.flatMap(([from, to]): Span[] => {
        const rest: Span[] = [
          [from, Math.min(to, start)],
          [Math.max(from, end), to],
        ];
        return rest.filter(([a, b]) => b > a);
      });
    });
  }

  abort(): void {
    this.abortCount += 1;
  }

  changeType(mime: string): void {
    this.types.push(mime);
  }

  #add(span: Span): void {
    const last = this.spans.at(-1);
    if (last && Math.abs(last[1] - span[0]) < 0.01) last[1] = span[1];
    else this.spans.push([...span]);
  }

  #later(change: () => void): void {
    this.updating = true;
    queueMicrotask(() => {
      change();
      this.updating = false;
      this.dispatchEvent(new Event("updateend"));
    });
  }
}

export class FakeMediaSource extends EventTarget {
  readyState: ReadyState = "open";
  duration = Number.NaN;
  readonly buffer = new FakeSourceBuffer();
  readonly types: string[] = [];
  endCount = 0;

  addSourceBuffer(mime: string): FakeSourceBuffer {
    this.types.push(mime);
    return this.buffer;
  }

  endOfStream(): void {
    this.endCount += 1;
    this.readyState = "ended";
  }

  asMediaSource(): MediaSource {
    return this as unknown as MediaSource;
  }
}

export class FakeVideo extends EventTarget {
  paused = true;
  ended = false;
  seeking = false;
  playbackRate = 1;
  volume = 1;
  muted = false;
  videoWidth = 426;
  error: { code: number; message: string } | null = null;
  playRejection: Error | null = null;
  playCount = 0;
  /** Every position that was set from outside. */
  readonly jumps: number[] = [];
  #currentTime = 0;
  #spans: () => Span[];

  constructor(spans: () => Span[] = () => []) {
    super();
    this.#spans = spans;
  }

  get currentTime(): number {
    return this.#currentTime;
  }

  set currentTime(secs: number) {
    this.jumps.push(secs);
    this.#currentTime = secs;
    this.ended = false;
  }

  get buffered(): TimeRanges {
    return new FakeRanges(this.#spans());
  }

  play(): Promise<void> {
    this.playCount += 1;
    if (this.playRejection) return Promise.reject(this.playRejection);
    this.paused = false;
    return Promise.resolve();
  }

  pause(): void {
    this.paused = true;
  }

  /** The film goes on to this position. */
  advanceTo(secs: number): void {
    this.#currentTime = secs;
    this.emit("timeupdate");
  }

  emit(name: string): void {
    this.dispatchEvent(new Event(name));
  }

  asVideo(): HTMLVideoElement {
    return this as unknown as HTMLVideoElement;
  }
}

/** Lets everything that is only waiting for promises run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 400; turn += 1) await Promise.resolve();
}
