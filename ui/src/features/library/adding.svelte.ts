/* Adding torrents: from the field, by paste, by drop, from a file. One place decides what happens next. */
import type { TorrentAdded } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { toCallError } from "../../lib/host/host";
import type { I18n } from "../../lib/i18n/i18n.svelte";
import type { Toasts } from "../../lib/stores/toasts.svelte";
import { MAX_TORRENT_FILE_BYTES, isTorrentFile, sourcesInText, toBase64 } from "./sources";

interface Wishes {
  /** Show the player at once. Several torrents are never played at once. */
  play: boolean;
}

export class Adding {
  /** What stands in the field. A text that was refused stays there to be mended. */
  text = $state("");
  /** Why the last attempt was refused, in words. */
  problem = $state<string | null>(null);
  pendingCount = $state(0);
  readonly isWorking = $derived(this.pendingCount > 0);
  /** The torrent whose files are being chosen from. */
  choosingFrom = $state<string | null>(null);

  readonly #host: Host;
  readonly #i18n: I18n;
  readonly #toasts: Toasts;
  readonly #showTorrent: (infoHash: string) => void;

  constructor(host: Host, i18n: I18n, toasts: Toasts, showTorrent: (infoHash: string) => void) {
    this.#host = host;
    this.#i18n = i18n;
    this.#toasts = toasts;
    this.#showTorrent = showTorrent;
  }

  async submit(wishes: Wishes = { play: true }): Promise<void> {
    await this.addText(this.text, wishes);
  }

  /** Adds every source in a text. What is refused ends up in the field, with the reason below it. */
  async addText(text: string, wishes: Wishes): Promise<void> {
    const sources = sourcesInText(text);
    if (sources.length === 0) return;
    this.text = text.trim();
    const jobs = sources.map((source) => () => this.#host.call("torrent_add", { source }));
    const refused = await this.#run(jobs, wishes);
    this.text = refused.map((index) => sources[index]).join("\n");
  }

  async addFiles(files: readonly File[], wishes: Wishes): Promise<void> {
    const torrents = files.filter(isTorrentFile);
    if (torrents.length === 0) {
      this.problem = this.#i18n.t("add.notTorrent");
      return;
    }
    const tooLarge = torrents.find((file) => file.size > MAX_TORRENT_FILE_BYTES);
    if (tooLarge) {
      this.problem = this.#i18n.t("add.tooLarge", { name: tooLarge.name });
      return;
    }
    const jobs = torrents.map(
      (file) => async () => this.#host.call("torrent_add_file", { base64: await toBase64(file) }),
    );
    await this.#run(jobs, wishes);
  }

  /** Runs the jobs one after the other and tells what came of it; gives the positions of the refused ones. */
  async #run(jobs: (() => Promise<TorrentAdded>)[], wishes: Wishes): Promise<number[]> {
    this.problem = null;
    this.pendingCount += 1;
    const added: TorrentAdded[] = [];
    const refused: number[] = [];
    try {
      for (const [index, job] of jobs.entries()) {
        try {
          added.push(await job());
        } catch (error) {
          refused.push(index);
          this.problem = this.#i18n.errorText(toCallError(error).toWire());
        }
      }
    } finally {
      this.pendingCount -= 1;
    }
    await this.#tell(added, wishes.play && jobs.length === 1);
    return refused;
  }

  async #tell(added: TorrentAdded[], play: boolean): Promise<void> {
    const { t } = this.#i18n;
    const first = added[0];
    if (!first) return;
    const fresh = added.filter((one) => one.is_new);
    const undo = {
      label: t("add.undo"),
      run: () => void this.#takeBack(fresh.map((one) => one.torrent.info_hash)),
    };
    if (added.length > 1) {
      this.#toasts.show(t("add.addedMany", { count: added.length }), {
        actions: fresh.length > 0 ? [undo] : [],
      });
      return;
    }
    const { info_hash, title, file_count } = first.torrent;
    if (first.is_new) {
      // Before the details are there, nobody knows whether there is a choice.
      const hasChoice = file_count !== 1;
      const choose = { label: t("add.chooseFiles"), run: () => (this.choosingFrom = info_hash) };
      this.#toasts.show(t("add.added", { title }), { actions: hasChoice ? [choose, undo] : [undo] });
    } else {
      const show = { label: t("add.show"), run: () => this.#showTorrent(info_hash) };
      this.#toasts.show(t("add.duplicate", { title }), { actions: [show] });
    }
    if (play) await this.#host.openPlayer({ info_hash });
  }

  async #takeBack(infoHashes: string[]): Promise<void> {
    for (const info_hash of infoHashes) {
      try {
        await this.#host.call("torrent_remove", { info_hash, delete_pieces: true });
      } catch (error) {
        this.#toasts.show(this.#i18n.errorText(toCallError(error).toWire()), { isProblem: true });
      }
    }
  }
}
