/* How far somebody is, for the bars of the library. What counts as viewed is decided on the Rust side. */
import type { FileMark, TorrentSummary } from "../../lib/host/bindings";
import type { AppState } from "../../lib/stores/app-state.svelte";

export const CONTINUE_ROW_LENGTH = 12;

/** The file that was left in the middle last. */
export function leftOff(marks: readonly FileMark[]): FileMark | undefined {
  return marks
    .filter((mark) => !mark.viewed && mark.position_secs > 0 && (mark.duration_secs ?? 0) > 0)
    .sort((a, b) => b.updated_at_ms - a.updated_at_ms)[0];
}

export function watchedFraction(mark: FileMark): number {
  return mark.duration_secs ? Math.min(1, mark.position_secs / mark.duration_secs) : 0;
}

export interface Continuation {
  torrent: TorrentSummary;
  mark: FileMark;
}

/** What was left in the middle, latest first. */
export function continuations(app: AppState): Continuation[] {
  return app.torrentList
    .flatMap((torrent) => {
      const mark = torrent.state === "ready" ? leftOff(app.marksOf(torrent.info_hash)) : undefined;
      return mark ? [{ torrent, mark }] : [];
    })
    .sort((a, b) => b.mark.updated_at_ms - a.mark.updated_at_ms)
    .slice(0, CONTINUE_ROW_LENGTH);
}
