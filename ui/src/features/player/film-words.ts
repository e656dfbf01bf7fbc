/* What libmpv says, as values. Its texts come from strangers' files in part: what is not as expected is as good as nothing. */
import type { TimeSpan } from "./spans";

interface CacheState {
  "seekable-ranges"?: { start?: number; end?: number }[];
}

interface Track {
  id?: number;
  type?: string;
  selected?: boolean;
  "ff-index"?: number;
  external?: boolean;
  "external-filename"?: string;
}

export class Ranges implements TimeRanges {
  readonly #spans: readonly TimeSpan[];

  constructor(spans: readonly TimeSpan[]) {
    this.#spans = spans;
  }

  get length(): number {
    return this.#spans.length;
  }

  start(index: number): number {
    return this.#spans[index]?.startSecs ?? Number.NaN;
  }

  end(index: number): number {
    return this.#spans[index]?.endSecs ?? Number.NaN;
  }
}

/** What of the film is read ahead. */
export function spansOfCache(value: string | null): TimeSpan[] {
  const ranges = parsed<CacheState>(value)?.["seekable-ranges"] ?? [];
  return ranges
    .map(({ start, end }) => ({ startSecs: start ?? Number.NaN, endSecs: end ?? Number.NaN }))
    .filter((span) => span.endSecs > span.startSecs)
    .sort((a, b) => a.startSecs - b.startSecs);
}

export function pictureSize(value: string | null): { w: number; h: number } {
  const { w = 0, h = 0 } = parsed<{ w?: number; h?: number }>(value) ?? {};
  return { w, h };
}

export function hasPictureTrack(list: string | null): boolean {
  return tracksOf(list).some((track) => track.type === "video" && track.selected === true);
}

/** Its numbers of the audio tracks, by their place among the file's streams. */
export function audioIds(list: string | null): Map<number, number> {
  return new Map(
    tracksOf(list).flatMap(({ id, type, external, "ff-index": stream }) =>
      type === "audio" && external !== true && id !== undefined && stream !== undefined
        ? [[stream, id] as const]
        : [],
    ),
  );
}

/** Its number of the sound that was taken from this path of the server; `undefined` while it is not open. */
export function audioFileId(list: string | null, path: string): number | undefined {
  const isIt = (track: Track) =>
    track.type === "audio" && track.external === true && track["external-filename"]?.endsWith(path) === true;
  return tracksOf(list).find(isIt)?.id;
}

function tracksOf(list: string | null): Track[] {
  const tracks = parsed<unknown>(list);
  return Array.isArray(tracks) ? (tracks as Track[]) : [];
}

function parsed<T>(value: string | null): T | null {
  if (value === null) return null;
  try {
    return JSON.parse(value) as T;
  } catch {
    return null;
  }
}
