import { describe, expect, it } from "vitest";

import type { Key, PlayerAction } from "./keybinds";
import { actionOf, belongsToControl, grownStepSecs } from "./keybinds";

function press(key: string, change: Partial<Key> = {}): PlayerAction | null {
  return actionOf({
    key,
    code: "",
    shiftKey: false,
    ctrlKey: false,
    altKey: false,
    metaKey: false,
    ...change,
  });
}

describe("keys of the player", () => {
  it.each([
    [" ", { kind: "toggle_play" }],
    ["k", { kind: "toggle_play" }],
    ["K", { kind: "toggle_play" }],
    ["ArrowLeft", { kind: "seek_by", secs: -5, grows: true }],
    ["ArrowRight", { kind: "seek_by", secs: 5, grows: true }],
    ["j", { kind: "seek_by", secs: -10 }],
    ["l", { kind: "seek_by", secs: 10 }],
    ["ArrowUp", { kind: "volume_by", amount: 0.05 }],
    ["ArrowDown", { kind: "volume_by", amount: -0.05 }],
    ["m", { kind: "toggle_mute" }],
    ["f", { kind: "toggle_fullscreen" }],
    ["Enter", { kind: "toggle_fullscreen" }],
    ["Escape", { kind: "escape" }],
    ["0", { kind: "seek_fraction", fraction: 0 }],
    ["9", { kind: "seek_fraction", fraction: 0.9 }],
    ["Home", { kind: "seek_fraction", fraction: 0 }],
    ["End", { kind: "seek_fraction", fraction: 1 }],
    ["[", { kind: "speed_step", direction: -1 }],
    ["]", { kind: "speed_step", direction: 1 }],
    ["Backspace", { kind: "speed_reset" }],
    ["i", { kind: "toggle_stats" }],
    ["?", { kind: "toggle_help" }],
    ["F1", { kind: "toggle_help" }],
    [",", { kind: "frame_step", direction: -1 }],
    [".", { kind: "frame_step", direction: 1 }],
    ["PageUp", { kind: "chapter_step", direction: -1 }],
    ["PageDown", { kind: "chapter_step", direction: 1 }],
    ["p", { kind: "file_step", direction: -1 }],
    ["N", { kind: "file_step", direction: 1 }],
    ["s", { kind: "skip" }],
    ["b", { kind: "next_audio" }],
    ["#", { kind: "next_audio" }],
    ["<", { kind: "speed_step", direction: -1 }],
    [">", { kind: "speed_step", direction: 1 }],
    ["a", { kind: "cycle_aspect" }],
    ["w", { kind: "toggle_crop" }],
    ["t", { kind: "toggle_remaining" }],
    ["q", { kind: "leave" }],
    ["v", { kind: "subtitle_toggle" }],
    ["c", { kind: "subtitle_next" }],
    ["z", { kind: "subtitle_delay", direction: -1 }],
    ["x", { kind: "subtitle_delay", direction: 1 }],
    ["g", { kind: "subtitle_delay", direction: -1 }],
    ["h", { kind: "subtitle_delay", direction: 1 }],
    ["_", { kind: "subtitle_size", direction: -1 }],
    ["+", { kind: "subtitle_size", direction: 1 }],
    ["y", null],
    ["Tab", null],
  ] as [string, PlayerAction | null][])("%s means %o", (key, action) => {
    expect(press(key)).toEqual(action);
  });

  it("go further or less far with Ctrl or Shift", () => {
    expect(press("ArrowLeft", { ctrlKey: true })).toEqual({ kind: "seek_by", secs: -60 });
    expect(press("ArrowRight", { shiftKey: true })).toEqual({ kind: "seek_by", secs: 1 });
  });

  it.each([
    ["s", { kind: "screenshot" }],
    ["t", { kind: "toggle_on_top" }],
    ["m", { kind: "toggle_mini" }],
    ["g", { kind: "go_to_time" }],
    ["f", null],
  ] as [string, PlayerAction | null][])("with Ctrl, %s means %o", (key, action) => {
    expect(press(key, { ctrlKey: true })).toEqual(action);
  });

  it("mark the ends of a loop with Shift+L, which plain L does not", () => {
    expect(press("L", { shiftKey: true })).toEqual({ kind: "mark_loop" });
    expect(press("L")).toEqual({ kind: "seek_by", secs: 10 });
  });

  it("jump farther the longer an arrow is held", () => {
    expect([0, 7, 8, 16, 24, 500].map(grownStepSecs)).toEqual([5, 5, 10, 20, 30, 30]);
  });

  it.each([
    ["л", "KeyK", { kind: "toggle_play" }],
    ["А", "KeyF", { kind: "toggle_fullscreen" }],
    ["ь", "KeyM", { kind: "toggle_mute" }],
    ["х", "BracketLeft", { kind: "speed_step", direction: -1 }],
    ["б", "Comma", { kind: "frame_step", direction: -1 }],
    ["Б", "Comma", { kind: "speed_step", direction: -1 }, { shiftKey: true }],
    ["№", "Digit3", { kind: "next_audio" }, { shiftKey: true }],
    ["Д", "KeyL", { kind: "mark_loop" }, { shiftKey: true }],
    ["ы", "KeyS", { kind: "screenshot" }, { ctrlKey: true }],
    ["ъ", "BracketRight", { kind: "speed_step", direction: 1 }],
  ] as [string, string, PlayerAction, Partial<Key>?][])(
    "count by their place in a Russian layout: %s",
    (key, code, action, held = {}) => {
      expect(press(key, { code, ...held })).toEqual(action);
    },
  );

  it("count by their sign in a Latin layout", () => {
    expect(press("m", { code: "Semicolon" }), "AZERTY has M there").toEqual({ kind: "toggle_mute" });
  });

  it("leave the shortcuts of the system alone", () => {
    expect(press("f", { ctrlKey: true })).toBeNull();
    expect(press("ArrowLeft", { altKey: true })).toBeNull();
    expect(press("m", { metaKey: true })).toBeNull();
  });

  it("leave a focused control what it has a use for", () => {
    const key = (name: string): Key => ({
      key: name,
      code: "",
      shiftKey: false,
      ctrlKey: false,
      altKey: false,
      metaKey: false,
    });
    const range = Object.assign(document.createElement("input"), { type: "range" });
    const button = document.createElement("button");

    expect(belongsToControl(key(" "), button)).toBe(true);
    expect(belongsToControl(key("m"), button)).toBe(false);
    expect(belongsToControl(key("ArrowUp"), range)).toBe(true);
    expect(belongsToControl(key("ArrowUp"), button)).toBe(false);
    expect(belongsToControl(key("m"), document.createElement("textarea"))).toBe(true);
    expect(belongsToControl(key(" "), document.body)).toBe(false);
  });
});
