/* What a torrent does, peer by peer and piece by piece. Looked at only while somebody sees it. */
import type { InfoHash, TransferDetail } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

const LOOK_EVERY_MS = 1_500;

export class TransferWatch {
  /** `null` while the torrent is not in use. */
  detail = $state.raw<TransferDetail | null>(null);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks until the returned function is called. */
  watch(infoHash: InfoHash): () => void {
    let isOver = false;
    let isAsking = false;
    const look = async () => {
      if (isAsking || document.hidden) return;
      isAsking = true;
      const detail = await this.#host.call("torrent_transfer", { info_hash: infoHash }).catch(() => null);
      isAsking = false;
      if (!isOver) this.detail = detail;
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }
}
