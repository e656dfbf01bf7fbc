import { describe, expect, it } from "vitest";

import type { Key, PlayerAction } from "./keybinds";
import { actionOf, belongsToControl } from "./keybinds";

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
    ["ArrowLeft", { kind: "seek_by", secs: -5 }],
    ["ArrowRight", { kind: "seek_by", secs: 5 }],
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
    ["x", null],
    ["Tab", null],
  ] as [string, PlayerAction | null][])("%s means %o", (key, action) => {
    expect(press(key)).toEqual(action);
  });

  it("go further or less far with Ctrl or Shift", () => {
    expect(press("ArrowLeft", { ctrlKey: true })).toEqual({ kind: "seek_by", secs: -60 });
    expect(press("ArrowRight", { shiftKey: true })).toEqual({ kind: "seek_by", secs: 1 });
  });

  it.each([
    ["л", "KeyK", { kind: "toggle_play" }],
    ["А", "KeyF", { kind: "toggle_fullscreen" }],
    ["ь", "KeyM", { kind: "toggle_mute" }],
    ["х", "BracketLeft", { kind: "speed_step", direction: -1 }],
    ["ъ", "BracketRight", { kind: "speed_step", direction: 1 }],
  ] as [string, string, PlayerAction][])(
    "count by their place in a Russian layout: %s",
    (key, code, action) => {
      expect(press(key, { code })).toEqual(action);
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
