/* Why a reader waits, as a sentence with its numbers. Pure. */
import type { TransferStats, WaitReason } from "./host/bindings";
import type { MessageKey, MessageValues } from "./i18n/translate";

const KEYS: Record<WaitReason, MessageKey> = {
  no_peers: "wait.noPeers",
  bad_data: "wait.badData",
  no_details: "wait.noDetails",
  nobody_has_it: "wait.nobodyHasIt",
  all_choke: "wait.allChoke",
  disk_full: "wait.diskFull",
  rate_limit: "wait.rateLimit",
  budget: "wait.budget",
  slow: "wait.slow",
};

export function waitLine(
  stats: TransferStats | undefined,
  formatRate: (bytesPerSec: number) => string,
  missingInterface: string | null,
): { key: MessageKey; values: MessageValues } | null {
  if (!stats?.waiting) return null;
  if (missingInterface !== null) {
    return { key: "wait.interfaceMissing", values: { name: missingInterface } };
  }
  if (stats.waiting === "no_peers" && stats.known_peers === 0 && stats.tracker_refusal !== null) {
    return { key: "wait.refused", values: { words: stats.tracker_refusal } };
  }
  const rate = formatRate(stats.down_bytes_per_sec);
  return { key: KEYS[stats.waiting], values: { count: stats.connected_peers, rate } };
}
