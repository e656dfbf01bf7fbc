import { describe, expect, it } from "vitest";

import type { SubtitleCue } from "../../../lib/host/bindings";
import { CueList, MAX_SHOWN } from "./cue-list";
import { SubtitleMemory, USUAL_STYLE } from "./memory";
import { spanOf, wantedAt } from "./windows";

const cue = (start_secs: number, end_secs: number): SubtitleCue => ({
  start_secs,
  end_secs,
  runs: [{ text: `${start_secs}`, is_italic: false, is_bold: false, is_underlined: false }],
  height: "bottom",
  side: "center",
});

describe("a list of cues", () => {
  it("tells what is said at a moment, whatever order they came in", () => {
    const list = new CueList([cue(10, 12), cue(0, 100)]).with([cue(5, 6), cue(11, 13)]);
    const at = (secs: number) => list.at(secs).map(({ start_secs }) => start_secs);
    expect([-1, 0, 5.5, 6, 11.5, 12, 99, 100].map(at)).toEqual([
      [],
      [0],
      [0, 5],
      [0],
      [0, 10, 11],
      [0, 11],
      [0],
      [],
    ]);
  });

  it("shows no more than can be read", () => {
    const list = new CueList(Array.from({ length: 20_000 }, () => cue(0, 10)));
    expect(list.at(5)).toHaveLength(MAX_SHOWN);
  });
});

it("asks for what is said now, then next, then for what was said before", () => {
  expect(wantedAt(65, 400)).toEqual([2, 3, 1, 4, 5]);
  expect(wantedAt(0, 400)).toEqual([0, 1, 2, 3]);
  expect(wantedAt(-5, null)).toEqual([0, 1, 2, 3]);
  expect(wantedAt(395, 400)).toEqual([13, 12]);
  expect(spanOf(2)).toEqual({ from_secs: 60, to_secs: 90 });
});

describe("the memory", () => {
  it("keeps tastes and looks, and believes nothing that is none", () => {
    const kept = new Map<string, string>();
    const memory = new SubtitleMemory(() => ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
    }));
    memory.remember("a", "off");
    memory.remember("b", { language: "ru", title: null, isForced: false });
    expect([memory.recall("a"), memory.recall("b")?.valueOf(), memory.recall("c")]).toEqual([
      "off",
      { language: "ru", title: null, isForced: false },
      null,
    ]);
    memory.style = { ...USUAL_STYLE, size: 1.5 };
    expect(memory.style.size).toBe(1.5);
    for (const bad of ["", "{", "[]", '{"size":99,"hasBox":"x"}', "null", "7"]) {
      for (const key of kept.keys()) kept.set(key, bad);
      expect(memory.style).toEqual(USUAL_STYLE);
      expect(memory.recall("a")).toBeNull();
    }
  });

  it("does without storage", () => {
    const memory = new SubtitleMemory(() => {
      throw new Error("forbidden");
    });
    memory.remember("a", "off");
    expect(memory.recall("a")).toBeNull();
    expect(memory.style).toEqual(USUAL_STYLE);
  });
});
