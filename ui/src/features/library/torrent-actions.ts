/* What can be done to torrents of the library, one or many; each says afterwards what it did, and how it is undone. */
import type { FileIndex, InfoHash, TorrentSummary } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { toCallError } from "../../lib/host/host";
import type { I18n } from "../../lib/i18n/i18n.svelte";
import type { Toasts } from "../../lib/stores/toasts.svelte";

export class TorrentActions {
  readonly #host: Host;
  readonly #i18n: I18n;
  readonly #toasts: Toasts;

  constructor(host: Host, i18n: I18n, toasts: Toasts) {
    this.#host = host;
    this.#i18n = i18n;
    this.#toasts = toasts;
  }

  /** Without a file: the one that "play" means. */
  play({ info_hash }: TorrentSummary, fileIndex?: FileIndex): Promise<boolean> {
    const target = fileIndex === undefined ? { info_hash } : { info_hash, file_index: fileIndex };
    return this.#attempt(() => this.#host.openPlayer(target));
  }

  retry(torrent: TorrentSummary): Promise<boolean> {
    return this.#attempt(() => this.#host.call("torrent_retry", { info_hash: torrent.info_hash }));
  }

  async setSeen(torrents: readonly TorrentSummary[], viewed: boolean): Promise<void> {
    await this.#each(torrents, ({ info_hash }) => this.#host.call("viewed_set_all", { info_hash, viewed }));
  }

  async setKept(torrents: readonly TorrentSummary[], isKept: boolean): Promise<void> {
    const done = await this.#each(torrents, ({ info_hash }) =>
      this.#host.call("torrent_edit", { info_hash, is_kept: isKept }),
    );
    if (done.length > 0) {
      this.#toasts.show(this.#i18n.t(isKept ? "library.kept" : "library.notKept", { count: done.length }));
    }
  }

  async setCategory(torrents: readonly TorrentSummary[], category: string): Promise<void> {
    await this.#each(torrents, ({ info_hash }) => this.#host.call("torrent_edit", { info_hash, category }));
  }

  rename(torrent: TorrentSummary, title: string): Promise<boolean> {
    return this.#attempt(() => this.#host.call("torrent_edit", { info_hash: torrent.info_hash, title }));
  }

  async copyMagnet(torrent: TorrentSummary): Promise<void> {
    const isCopied = await this.#attempt(async () => {
      const { magnet } = await this.#host.call("torrent_detail", { info_hash: torrent.info_hash });
      await this.#host.copyText(magnet);
    });
    if (isCopied) this.#toasts.show(this.#i18n.t("library.magnetCopied"));
  }

  /** Takes them out of the library, and offers to undo that. */
  async remove(torrents: readonly TorrentSummary[], deletePieces: boolean): Promise<boolean> {
    const { t } = this.#i18n;
    const removed = await this.#each(torrents, ({ info_hash }) =>
      this.#host.call("torrent_remove", { info_hash, delete_pieces: deletePieces }),
    );
    const first = removed[0];
    if (!first) return false;
    const text =
      removed.length === 1
        ? t("torrent.removed", { title: first.about.title })
        : t("library.removedMany", { count: removed.length });
    const undo = () => void this.#bringBack(removed.map((torrent) => torrent.info_hash));
    this.#toasts.show(text, { actions: [{ label: t("add.undo"), run: undo }] });
    return true;
  }

  async #bringBack(infoHashes: readonly InfoHash[]): Promise<void> {
    // The newest first, as they stand in the library.
    for (const info_hash of infoHashes) {
      await this.#attempt(() => this.#host.call("torrent_restore", { info_hash }));
    }
  }

  /** The torrents with which it went well. The first that does not is told of, and ends it. */
  async #each(
    torrents: readonly TorrentSummary[],
    action: (torrent: TorrentSummary) => Promise<unknown>,
  ): Promise<TorrentSummary[]> {
    const done: TorrentSummary[] = [];
    for (const torrent of torrents) {
      if (!(await this.#attempt(() => action(torrent)))) break;
      done.push(torrent);
    }
    return done;
  }

  async #attempt(action: () => Promise<unknown>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      this.#toasts.show(this.#i18n.errorText(toCallError(error).toWire()), { isProblem: true });
      return false;
    }
  }
}
