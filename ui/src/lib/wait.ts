/* Why a reader waits, as a sentence with its numbers. Pure. */
import type { TransferStats, WaitReason } from "./host/bindings";
import type { MessageKey, MessageValues } from "./i18n/translate";

const KEYS: Record<WaitReason, MessageKey> = {
  no_peers: "wait.noPeers",
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
): { key: MessageKey; values: MessageValues } | null {
  if (!stats?.waiting) return null;
  const rate = formatRate(stats.down_bytes_per_sec);
  return { key: KEYS[stats.waiting], values: { count: stats.connected_peers, rate } };
}
