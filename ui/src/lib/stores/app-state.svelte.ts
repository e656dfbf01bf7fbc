/*
 * What the other side has told us, and nothing else: full values, each with the revision that made it. Components read
 * it; only events change it.
 */
import { SvelteMap } from "svelte/reactivity";

import type {
  AccessSummary,
  AppEvent,
  FileMark,
  InfoHash,
  LinkOffer,
  NetworkStatus,
  Notice,
  PlayerTarget,
  Settings,
  Snapshot,
  TorrentSummary,
  TransferStats,
  Viewer,
} from "../host/bindings";
import type { Host } from "../host/host";

export class AppState {
  /** `false` until the first snapshot. */
  isLoaded = $state(false);
  isConnected = $state(true);
  settings = $state.raw<Settings | null>(null);
  access = $state.raw<AccessSummary | null>(null);
  network = $state.raw<NetworkStatus | null>(null);
  viewers = $state.raw<Viewer[]>([]);
  notices = $state.raw<Notice[]>([]);
  /** Links that other programs handed over, oldest first. */
  linkOffers = $state.raw<LinkOffer[]>([]);
  playerTarget = $state.raw<PlayerTarget | null>(null);
  areTransfersPaused = $state(false);
  /** Another one whenever torrents came or went, or became seen or not; positions alone change nothing. */
  seenRevision = $state(0);

  /** The chosen network interface, while it is not there and nothing is transferred. */
  readonly missingInterface = $derived(
    this.notices.find((notice) => notice.kind === "interface_missing")?.subject ?? null,
  );

  readonly torrents = new SvelteMap<InfoHash, TorrentSummary>();
  readonly #marks = new SvelteMap<InfoHash, FileMark[]>();
  readonly #stats = new SvelteMap<InfoHash, TransferStats>();
  readonly #resolvingSinceMs = new SvelteMap<InfoHash, number>();

  /** Revisions of single values; everything else stands at the snapshot's. */
  #revisions = new Map<string, number>();
  #snapshotRevision = -1;
  readonly #nowMs: () => number;

  /** Newest first. */
  readonly torrentList = $derived(
    [...this.torrents.values()].sort(
      (a, b) => b.added_at_secs - a.added_at_secs || a.title.localeCompare(b.title),
    ),
  );

  constructor(nowMs: () => number = Date.now) {
    this.#nowMs = nowMs;
  }

  /** Listens to a host until the returned function is called. */
  follow(host: Host): () => void {
    return host.subscribe({
      onEvent: (event) => this.apply(event),
      onConnection: (isConnected) => (this.isConnected = isConnected),
    });
  }

  marksOf(infoHash: InfoHash): FileMark[] {
    return this.#marks.get(infoHash) ?? [];
  }

  markOf(infoHash: InfoHash, fileIndex: number): FileMark | undefined {
    return this.marksOf(infoHash).find((mark) => mark.file_index === fileIndex);
  }

  statsOf(infoHash: InfoHash): TransferStats | undefined {
    return this.#stats.get(infoHash);
  }

  /** When this page first saw that details are being looked for. */
  resolvingSinceMs(infoHash: InfoHash): number | undefined {
    return this.#resolvingSinceMs.get(infoHash);
  }

  apply(event: AppEvent): void {
    switch (event.type) {
      case "snapshot":
        this.#applySnapshot(event);
        return;
      case "torrent_changed":
        if (this.#isNews(`torrent:${event.torrent.info_hash}`, event.revision))
          this.#putTorrent(event.torrent);
        return;
      case "torrent_removed":
        if (this.#isNews(`torrent:${event.info_hash}`, event.revision)) {
          this.torrents.delete(event.info_hash);
          this.#resolvingSinceMs.delete(event.info_hash);
          this.seenRevision += 1;
        }
        return;
      case "marks_changed":
        if (this.#isNews(`marks:${event.marks.info_hash}`, event.revision)) {
          this.#marks.set(event.marks.info_hash, event.marks.marks);
        }
        return;
      case "settings_changed":
        if (this.#isNews("settings", event.revision)) this.settings = event.settings;
        return;
      case "access_changed":
        if (this.#isNews("access", event.revision)) this.access = event.access;
        return;
      case "network_changed":
        this.network = event.network;
        return;
      case "viewers_changed":
        this.viewers = event.viewers;
        return;
      case "stats_changed":
        this.#putStats(event.stats);
        return;
      case "notices_changed":
        this.notices = event.notices;
        return;
      case "link_offers_changed":
        this.linkOffers = event.link_offers;
        return;
      case "player_target_changed":
        this.playerTarget = event.target;
        return;
      case "poster_changed": {
        const torrent = this.torrents.get(event.info_hash);
        if (torrent !== undefined) this.torrents.set(event.info_hash, { ...torrent, poster: event.poster });
        return;
      }
      case "transfers_paused":
        this.areTransfersPaused = event.paused;
        return;
    }
  }

  #applySnapshot(snapshot: Snapshot): void {
    this.#snapshotRevision = snapshot.revision;
    this.#revisions.clear();
    const present = new Set(snapshot.torrents.map((torrent) => torrent.info_hash));
    for (const infoHash of [...this.torrents.keys()]) {
      if (!present.has(infoHash)) this.torrents.delete(infoHash);
    }
    for (const torrent of snapshot.torrents) this.#putTorrent(torrent);
    this.#marks.clear();
    for (const marks of snapshot.marks) this.#marks.set(marks.info_hash, marks.marks);
    this.#putStats(snapshot.stats);
    this.settings = snapshot.settings;
    this.access = snapshot.access;
    this.network = snapshot.network;
    this.viewers = snapshot.viewers;
    this.notices = snapshot.notices;
    this.linkOffers = snapshot.link_offers;
    this.playerTarget = snapshot.player_target;
    this.areTransfersPaused = snapshot.transfers_paused;
    this.isLoaded = true;
  }

  #putTorrent(torrent: TorrentSummary): void {
    const infoHash = torrent.info_hash;
    const known = this.torrents.get(infoHash);
    if (
      known?.state !== torrent.state ||
      known.viewed_count !== torrent.viewed_count ||
      known.play_target !== torrent.play_target
    ) {
      this.seenRevision += 1;
    }
    if (torrent.state !== "resolving") this.#resolvingSinceMs.delete(infoHash);
    else if (!this.#resolvingSinceMs.has(infoHash)) this.#resolvingSinceMs.set(infoHash, this.#nowMs());
    this.torrents.set(infoHash, torrent);
  }

  #putStats(stats: TransferStats[]): void {
    const named = new Set(stats.map((one) => one.info_hash));
    for (const infoHash of [...this.#stats.keys()]) {
      if (!named.has(infoHash)) this.#stats.delete(infoHash);
    }
    for (const one of stats) this.#stats.set(one.info_hash, one);
  }

  #isNews(key: string, revision: number): boolean {
    if (revision <= (this.#revisions.get(key) ?? this.#snapshotRevision)) return false;
    this.#revisions.set(key, revision);
    return true;
  }
}
