/* Which results of a search are shown, and in which order. Pure. */
import type { SearchResult } from "../../lib/host/bindings";

export type ResultOrder = "seeders" | "size" | "newest";
export const RESULT_ORDERS: readonly ResultOrder[] = ["seeders", "size", "newest"];

/** Lines of the picture; 0 stands for all that does not say, or is something else. */
export type Quality = 2160 | 1080 | 720 | 0;
const QUALITIES: readonly Quality[] = [2160, 1080, 720, 0];

export function qualityOf(result: SearchResult): Quality {
  return QUALITIES.find((quality) => quality === result.about.resolution_lines) ?? 0;
}

/** Those that some result has; nothing where all have the same. */
export function qualitiesOf(results: readonly SearchResult[]): Quality[] {
  const present = new Set(results.map(qualityOf));
  return present.size > 1 ? QUALITIES.filter((quality) => present.has(quality)) : [];
}

export function shownResults(
  results: readonly SearchResult[],
  order: ResultOrder,
  quality: Quality | null,
): readonly SearchResult[] {
  const wanted = quality === null ? results : results.filter((result) => qualityOf(result) === quality);
  switch (order) {
    // As they come.
    case "seeders":
      return wanted;
    case "size":
      return wanted.toSorted((a, b) => b.size_bytes - a.size_bytes);
    case "newest":
      return wanted.toSorted((a, b) => (b.published_at_secs ?? 0) - (a.published_at_secs ?? 0));
  }
}
