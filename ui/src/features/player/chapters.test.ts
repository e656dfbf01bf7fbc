import { describe, expect, it } from "vitest";

import type { Chapter, ChapterKind } from "../../lib/host/bindings";
import { chapterAt, chapterStep, skippableAt } from "./chapters";

const chapter = (start_secs: number, end_secs: number, kind: ChapterKind = "part"): Chapter => ({
  start_secs,
  end_secs,
  title: null,
  kind,
});
const chapters = [chapter(0, 90, "intro"), chapter(90, 300), chapter(300, 302, "credits"), chapter(302, 400)];

describe("chapters", () => {
  it("are found by the time that lies in them", () => {
    expect(chapterAt(chapters, 90)).toBe(chapters[1]);
    expect(chapterAt(chapters, 400)).toBeNull();
    expect(chapterAt([], 10)).toBeNull();
  });

  it("lead on to the next, back to this one, and soon after its beginning to the one before", () => {
    expect(chapterStep(chapters, 100, 1)).toBe(300);
    expect(chapterStep(chapters, 350, 1)).toBeNull();
    expect(chapterStep(chapters, 100, -1)).toBe(90);
    expect(chapterStep(chapters, 92, -1)).toBe(0);
    expect(chapterStep(chapters, 1, -1)).toBe(0);
    expect(chapterStep([], 1, -1)).toBeNull();
  });

  it("can be skipped where they are an opening or credits of more than a moment", () => {
    expect(skippableAt(chapters, 10)).toBe(chapters[0]);
    expect(skippableAt(chapters, 100)).toBeNull();
    expect(skippableAt(chapters, 301), "two seconds").toBeNull();
  });
});
