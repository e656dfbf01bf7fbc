import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeHost } from "../../lib/host/fake";
import { Formats } from "../../lib/i18n/format";
import { LOOK_EVERY_MS, OutlookWatch, roughly } from "./outlook.svelte";

describe("the outlook", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is asked for at the speed of the film until nobody looks", async () => {
    const host = new FakeHost({ playback_outlook: () => ({ kind: "may_pause", at_secs: 760, for_secs: 8 }) });
    const watch = new OutlookWatch(host);
    const stop = watch.watch("p", 1.5);
    await vi.advanceTimersByTimeAsync(LOOK_EVERY_MS);
    expect(watch.outlook).toEqual({ kind: "may_pause", at_secs: 760, for_secs: 8 });
    expect(host.argsOf("playback_outlook")).toEqual([
      { playback_id: "p", speed: 1.5 },
      { playback_id: "p", speed: 1.5 },
    ]);
    stop();
    await vi.advanceTimersByTimeAsync(LOOK_EVERY_MS);
    expect([watch.outlook, host.argsOf("playback_outlook").length]).toEqual([null, 2]);
  });

  it("is told in round numbers", () => {
    const said = [0.2, 7.6, 13, 58, 84, 200].map((secs) => new Formats("en").roughTime(roughly(secs)));
    expect(said).toEqual(["1 sec", "8 sec", "15 sec", "1 min", "1 min", "3 min"]);
    expect(new Formats("ru").roughTime(8)).toBe("8 с");
  });
});
