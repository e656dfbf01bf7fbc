import { describe, expect, it } from "vitest";

import { FROZEN_AFTER_MS, FrozenWatch, NUDGE_SECS } from "./frozen-watch";

describe("a picture that should move", () => {
  it("is left alone while it moves, waits, or has not stood for long", () => {
    const watch = new FrozenWatch();
    for (let at = 0; at < 10; at += 1) expect(watch.look(true, at / 2, at * 500)).toBeNull();
    expect(watch.look(false, 4.5, 60_000)).toBeNull();
    expect(watch.look(true, 4.5, 60_000 + FROZEN_AFTER_MS - 1)).toBeNull();
  });

  it("is asked ever more firmly when it stands, and given up after some times", () => {
    const watch = new FrozenWatch();
    watch.look(true, 6, 0);
    const helps = [];
    for (let at = 1; at < 20; at += 1) helps.push(watch.look(true, 6, at * FROZEN_AFTER_MS));
    expect(helps.slice(0, 5)).toEqual(["nudge", "replay", "reopen", "reopen", null]);
    expect(helps.slice(5).every((help) => help === null)).toBe(true);
  });

  it("is helped anew after it has moved, and the help itself is no movement", () => {
    const watch = new FrozenWatch();
    watch.look(true, 6, 0);
    expect(watch.look(true, 6, 2_000)).toBe("nudge");
    expect(watch.look(true, 6 + NUDGE_SECS, 2_500)).toBeNull();
    expect(watch.look(true, 6 + NUDGE_SECS, 4_500)).toBe("replay");
    expect(watch.look(true, 9, 6_000)).toBeNull();
    expect(watch.look(true, 9, 8_000)).toBe("nudge");
  });
});
