/* Finding one's way among the chapters that Rust has read. Pure. */
import type { Chapter } from "../../lib/host/bindings";
import type { Direction } from "./keybinds";

/** Going back shortly after a chapter's beginning means the one before. */
const SAME_CHAPTER_SECS = 3;
/** Shorter ones are over before anybody has pressed a button. */
const SKIP_AT_LEAST_SECS = 3;

export function chapterAt(chapters: readonly Chapter[], secs: number): Chapter | null {
  return chapters.findLast((chapter) => chapter.start_secs <= secs && secs < chapter.end_secs) ?? null;
}

/** Where the chapter before or after begins; `null` where there is none. */
export function chapterStep(chapters: readonly Chapter[], secs: number, direction: Direction): number | null {
  const starts = chapters.map((chapter) => chapter.start_secs);
  if (direction === 1) return starts.find((start) => start > secs) ?? null;
  return starts.findLast((start) => start < secs - SAME_CHAPTER_SECS) ?? starts[0] ?? null;
}

/** The chapter that can be skipped here: opening or credits. */
export function skippableAt(chapters: readonly Chapter[], secs: number): Chapter | null {
  const here = chapterAt(chapters, secs);
  if (here === null || here.kind === "part") return null;
  return here.end_secs - here.start_secs >= SKIP_AT_LEAST_SECS ? here : null;
}
