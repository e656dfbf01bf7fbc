import { describe, expect, it } from "vitest";

import { nextScale, scaleOfKey } from "./scale";

describe("the size of the pages", () => {
  const key = (name: string, change: Partial<KeyboardEvent> = {}) => ({
    key: name,
    code: "",
    ctrlKey: true,
    metaKey: false,
    altKey: false,
    ...change,
  });

  it("goes in steps, and stays at the ends", () => {
    expect([nextScale(100, 1), nextScale(100, -1), nextScale(200, 1), nextScale(80, -1)]).toEqual([
      110, 90, 200, 80,
    ]);
    expect([nextScale(105, 1), nextScale(105, -1)]).toEqual([110, 100]);
  });

  it("follows Ctrl with plus, minus and zero, and no other keys", () => {
    expect(["+", "=", "-", "0"].map((name) => scaleOfKey(key(name), 125))).toEqual([150, 150, 110, 100]);
    expect(scaleOfKey(key("", { code: "NumpadAdd" }), 100)).toBe(110);
    expect(scaleOfKey(key("+", { ctrlKey: false, metaKey: true }), 100)).toBe(110);
    expect(scaleOfKey(key("+", { ctrlKey: false }), 100)).toBeNull();
    expect(scaleOfKey(key("+", { altKey: true }), 100)).toBeNull();
    expect(scaleOfKey(key("a"), 100)).toBeNull();
  });
});
