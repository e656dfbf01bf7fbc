/* What somebody has asked the library to show: it is remembered in this view, but for the words that were looked for. */
import { SvelteSet } from "svelte/reactivity";

import type { InfoHash, NextUp, TorrentSummary } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import type { AppState } from "../../lib/stores/app-state.svelte";
import { readChoice, setChoice } from "../../lib/stores/preferences";
import type { Order, Shelf } from "./shelf";
import { ORDERS, inOrder, isOn, search, shelvesOf } from "./shelf";

export type Layout = "grid" | "list";

/** A letter is typed about so often by somebody who knows the word. */
const TYPING_PAUSE_MS = 150;
/** Marks change while a film plays; what comes next changes with the last of them. */
const NEXT_UP_PAUSE_MS = 400;

export class ShelfView {
  query = $state("");
  /** Torrents in whose files the query was found. */
  #inFiles = $state.raw<ReadonlySet<InfoHash>>(new Set());
  #shelf = $state.raw<Shelf>("all");
  #order = $state.raw<Order>(readChoice("library.order", ORDERS) ?? "recent");
  #layout = $state.raw<Layout>(readChoice("library.layout", ["grid", "list"]) ?? "grid");
  nextUp = $state.raw<NextUp[]>([]);
  readonly selected = new SvelteSet<InfoHash>();
  /** From here a range is selected. */
  #anchor: InfoHash | null = null;

  readonly #app: AppState;
  readonly #host: Host;

  constructor(app: AppState, host: Host) {
    this.#app = app;
    this.#host = host;
  }

  readonly shelves = $derived.by(() => shelvesOf(this.#app.torrentList));
  /** The chosen shelf may have become empty. */
  readonly shelf = $derived.by((): Shelf => (this.shelves.includes(this.#shelf) ? this.#shelf : "all"));
  readonly isSearching = $derived(this.query.trim() !== "");

  readonly shown = $derived.by((): readonly TorrentSummary[] => {
    const shelf = this.shelf;
    const all = this.#app.torrentList;
    const onShelf = shelf === "all" ? all : all.filter((torrent) => isOn(shelf, torrent));
    return search(inOrder(onShelf, this.#order), this.query, this.#inFiles);
  });

  get order(): Order {
    return this.#order;
  }
  get layout(): Layout {
    return this.#layout;
  }

  showShelf(shelf: Shelf): void {
    this.#shelf = shelf;
    this.selected.clear();
  }

  orderBy(order: Order): void {
    this.#order = order;
    setChoice("library.order", order);
  }

  layOut(layout: Layout): void {
    this.#layout = layout;
    setChoice("library.layout", layout);
  }

  /** Asks for the files that have the words; the answer to an older question is dropped. Returns how to stop. */
  lookInFiles(query: string): () => void {
    this.#inFiles = new Set();
    if (query.trim() === "") return () => undefined;
    let isWanted = true;
    const timer = setTimeout(() => {
      this.#host.call("library_find", { text: query }).then(
        (found) => {
          if (isWanted) this.#inFiles = new Set(found.info_hashes);
        },
        // Titles are searched here all the same.
        () => undefined,
      );
    }, TYPING_PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }

  /** Asks what comes next; as `lookInFiles`. */
  askNextUp(): () => void {
    let isWanted = true;
    const timer = setTimeout(() => {
      this.#host.call("library_next_up", {}).then(
        (answer) => {
          if (isWanted) this.nextUp = answer.episodes;
        },
        () => undefined,
      );
    }, NEXT_UP_PAUSE_MS);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }

  toggle(infoHash: InfoHash): void {
    if (!this.selected.delete(infoHash)) this.selected.add(infoHash);
    this.#anchor = infoHash;
  }

  /** Selects all from the torrent that was touched last to this one. */
  extendTo(infoHash: InfoHash): void {
    const at = (hash: InfoHash | null) => this.shown.findIndex((torrent) => torrent.info_hash === hash);
    const to = at(infoHash);
    const from = Math.max(0, at(this.#anchor ?? infoHash));
    for (const torrent of this.shown.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      this.selected.add(torrent.info_hash);
    }
  }

  selectAll(): void {
    for (const torrent of this.shown) this.selected.add(torrent.info_hash);
  }

  /** Those that are in the library still. */
  readonly selectedTorrents = $derived.by(() =>
    [...this.selected].flatMap((infoHash) => this.#app.torrents.get(infoHash) ?? []),
  );
}
