/* Which torrents of the library are shown, and in which order. Pure. */
import type { ContentKind, InfoHash, TorrentSummary } from "../../lib/host/bindings";

/** What is on a shelf: everything, a kind, or a category that somebody made. */
export type Shelf = "all" | ContentKind | `own:${string}`;
export type Order = "recent" | "title" | "size" | "unseen";

export const KINDS: readonly ContentKind[] = ["film", "series", "music", "other"];
export const ORDERS: readonly Order[] = ["recent", "title", "size", "unseen"];

/** The categories that TorrServer's clients agree on, and the kinds that they mean. */
export const CATEGORY_OF: Record<ContentKind, string> = {
  film: "movie",
  series: "tv",
  music: "music",
  other: "other",
};
const COMMON = new Set(["", ...Object.values(CATEGORY_OF)]);

export function ownCategory(torrent: TorrentSummary): string | null {
  return COMMON.has(torrent.category) ? null : torrent.category;
}

/** The shelves that have something on them, in the order of their chips; how much there is decides nothing. */
export function shelvesOf(torrents: readonly TorrentSummary[]): Shelf[] {
  const kinds = new Set<ContentKind>();
  const own = new Set<string>();
  for (const torrent of torrents) {
    const category = ownCategory(torrent);
    kinds.add(torrent.about.kind);
    if (category !== null) own.add(category);
  }
  const present = KINDS.filter((kind) => kinds.has(kind));
  const shelves: Shelf[] = [
    ...(present.length > 1 ? present : []),
    ...[...own].sort(compareTitles).map((category): Shelf => `own:${category}`),
  ];
  return shelves.length > 0 ? ["all", ...shelves] : [];
}

export function isOn(shelf: Shelf, torrent: TorrentSummary): boolean {
  if (shelf === "all") return true;
  return shelf.startsWith("own:") ? torrent.category === shelf.slice(4) : torrent.about.kind === shelf;
}

export function isUnseen(torrent: TorrentSummary): boolean {
  return torrent.playable_count > torrent.viewed_count;
}

const compareTitles = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

/** Torrents come newest first, and stay so where an order says nothing else. */
export function inOrder(torrents: readonly TorrentSummary[], order: Order): readonly TorrentSummary[] {
  switch (order) {
    case "recent":
      return torrents;
    case "title":
      return torrents.toSorted((a, b) => compareTitles(a.about.title, b.about.title));
    case "size":
      return torrents.toSorted((a, b) => b.total_bytes - a.total_bytes);
    case "unseen":
      return torrents.toSorted((a, b) => Number(isUnseen(b)) - Number(isUnseen(a)));
  }
}

/**
 * Torrents whose titles have every word of the query, in any order, and behind them those in whose files it was found.
 */
export function search(
  torrents: readonly TorrentSummary[],
  query: string,
  inFiles: ReadonlySet<InfoHash> = new Set(),
): readonly TorrentSummary[] {
  const words = fold(query).split(/\s+/).filter(Boolean);
  if (words.length === 0) return torrents;
  const byTitle: TorrentSummary[] = [];
  const byFile: TorrentSummary[] = [];
  for (const torrent of torrents) {
    const text = searchText(torrent);
    if (words.every((word) => text.includes(word))) byTitle.push(torrent);
    else if (inFiles.has(torrent.info_hash)) byFile.push(torrent);
  }
  return [...byTitle, ...byFile];
}

/** Thousands of titles are looked through with every letter that is typed. */
const searchTexts = new WeakMap<TorrentSummary, string>();

function searchText(torrent: TorrentSummary): string {
  let text = searchTexts.get(torrent);
  if (text === undefined) {
    const { title, original_title, year } = torrent.about;
    text = fold([torrent.title, title, original_title, year].filter(Boolean).join("\n"));
    searchTexts.set(torrent, text);
  }
  return text;
}

/** Upper and lower case, accents and separators don't matter; й and ё count as и and е. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[._]+/g, " ");
}
