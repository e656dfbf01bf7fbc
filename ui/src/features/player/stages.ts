/* What to say before the first picture: where it stands, and after a while why it takes so long. Pure. */
import type { TorrentSummary, TransferStats } from "../../lib/host/bindings";
import type { MessageKey, MessageValues } from "../../lib/i18n/translate";
import { waitLine } from "../../lib/wait";

/** Where the player itself stands. */
export type Phase =
  /** Nothing chosen, or nothing known of the choice yet. */
  | "waiting"
  /** The torrent has no details yet. */
  | "resolving"
  /** The file is being opened; the first bytes are awaited. */
  | "opening"
  /** The conversion runs; the first picture is awaited. */
  | "starting"
  /** There is a picture. */
  | "ready"
  | "failed";

export interface Line {
  key: MessageKey;
  values: MessageValues;
}

export interface Stage {
  line: Line;
  /** After some seconds: why. */
  cause: Line | null;
}

export const CAUSE_AFTER_SECS = 5;

export interface StageInput {
  phase: Phase;
  torrent: TorrentSummary | undefined;
  stats: TransferStats | undefined;
  areTransfersPaused: boolean;
  /** The chosen network interface, if it is not there. */
  missingInterface: string | null;
  elapsedSecs: number;
  formatRate: (bytesPerSec: number) => string;
}

export function stageOf(input: StageInput): Stage {
  const { phase, stats } = input;
  const cause = input.elapsedSecs >= CAUSE_AFTER_SECS ? causeOf(input) : null;
  const line = (key: MessageKey, values: MessageValues = {}): Stage => ({ line: { key, values }, cause });

  if (phase === "waiting") return line("stage.opening");
  if (phase === "starting" || phase === "ready") return line("stage.starting");
  const connected = stats?.connected_peers ?? 0;
  const known = Math.max(stats?.known_peers ?? 0, connected);
  if (phase === "resolving") {
    return connected > 0 ? line("stage.details") : line("stage.peers", { count: known });
  }
  if ((stats?.have_bytes ?? 0) > 0 || (stats?.down_bytes_per_sec ?? 0) > 0) return line("stage.loading");
  if (stats === undefined) return line("stage.opening");
  if (known === 0) return line("stage.peers", { count: 0 });
  return connected > 0 && connected === known
    ? line("stage.loading")
    : line("stage.connecting", { connected, known });
}

function causeOf(input: StageInput): Line {
  const { phase, stats, areTransfersPaused, missingInterface, formatRate } = input;
  if (areTransfersPaused) return { key: "stage.whyPaused", values: {} };
  if (phase === "waiting") return { key: "stage.whyOpening", values: {} };
  // What prepares the picture may itself wait for bytes.
  if (phase === "starting" && !stats?.waiting) return { key: "stage.whyPreparing", values: {} };
  if (missingInterface !== null) {
    return { key: "wait.interfaceMissing", values: { name: missingInterface } };
  }
  // Before the transfers have begun nothing is known of who shares.
  if (phase === "opening" && stats === undefined) return { key: "stage.whyOpening", values: {} };
  const wait = waitLine(stats, formatRate, missingInterface);
  const connected = stats?.connected_peers ?? 0;
  const known = stats?.known_peers ?? 0;
  // Those who are known and silent are a better word than nobody.
  if (wait && (wait.key !== "wait.noPeers" || known === 0)) return wait;
  if (connected === 0 && known === 0) return { key: "stage.whyNoPeers", values: {} };
  if (connected === 0) return { key: "stage.whySilent", values: { count: known } };
  const rate = stats?.down_bytes_per_sec ?? 0;
  if (rate === 0) return { key: "stage.whyChoked", values: { count: connected } };
  return { key: "stage.whySlow", values: { count: connected, rate: formatRate(rate) } };
}
