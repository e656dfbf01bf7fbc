import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import type { Chapter } from "../../lib/host/bindings";
import type { FilmEvent } from "../../lib/host/film-window";
import { Awake } from "./awake";
import type { FilmPort } from "./film-engine";
import { LoopControl } from "./loop.svelte";
import { PictureControl } from "./picture.svelte";
import { LOOK_EVERY_MS, PieceMap, standAt } from "./piece-map.svelte";
import { askForScreenshot, screenshotName } from "./screenshot";
import { SKIP_SHOWN_MS, SkipOffer } from "./skip-offer.svelte";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("the offer to skip", () => {
  const opening: Chapter = { start_secs: 0, end_secs: 90, title: "Opening", kind: "intro" };

  it("is news for eight seconds of each such chapter", () => {
    const offer = new SkipOffer();
    offer.update(opening, 0);
    vi.advanceTimersByTime(SKIP_SHOWN_MS - 1);
    offer.update({ ...opening }, 1);
    expect(offer.isFresh).toBe(true);
    vi.advanceTimersByTime(1);
    expect(offer.isFresh).toBe(false);
    expect(offer.chapter, "moving the pointer shows it again").toEqual(opening);

    offer.update(null, 95);
    offer.update(opening, 5);
    expect(offer.isFresh).toBe(true);
  });

  it("tells running into a chapter from going there by hand", () => {
    const later: Chapter = { ...opening, start_secs: 60, end_secs: 150 };
    const entered = (path: [Chapter | null, number][]) => {
      const offer = new SkipOffer();
      return path.map(([chapter, secs]) => offer.update(chapter, secs)).at(-1);
    };
    expect(entered([[opening, 0.2]]), "at the beginning of the film").toBe(true);
    expect(
      entered([
        [null, 59.5],
        [later, 60.1],
      ]),
    ).toBe(true);
    expect(
      entered([
        [null, 59.5],
        [later, 60.1],
        [later, 61],
      ]),
      "only once",
    ).toBe(false);
    expect(
      entered([
        [null, 10],
        [later, 60.1],
      ]),
      "by a jump",
    ).toBe(false);
    expect(
      entered([
        [null, 200],
        [later, 149],
      ]),
      "from behind",
    ).toBe(false);
    expect(entered([[later, 100]]), "where the film was left").toBe(false);
  });
});

describe("a loop", () => {
  it("has a beginning, an end, and a third press that ends it", () => {
    const loop = new LoopControl();
    expect(loop.mark(10)).toBe("start");
    expect(loop.backFrom(50)).toBeNull();
    expect(loop.mark(20)).toBe("end");
    expect(loop.backFrom(19.9)).toBeNull();
    expect(loop.backFrom(20)).toBe(10);
    expect(loop.mark(15)).toBe("off");
    expect(loop.backFrom(50)).toBeNull();
  });

  it("has no end before its beginning", () => {
    const loop = new LoopControl();
    loop.mark(10);
    expect(loop.mark(5)).toBe("off");
    expect(loop.startSecs).toBeNull();
  });
});

describe("the picture", () => {
  it("is whole, stretched or cropped", () => {
    const picture = new PictureControl();
    picture.cycleAspect();
    expect(picture.fit).toBe("fill");
    picture.toggleCrop();
    expect(picture.fit).toBe("cover");
    picture.toggleCrop();
    expect(picture.fit).toBe("contain");
  });

  it("is saved under a name that every file system takes", () => {
    expect(screenshotName('A/B: "C"?.mkv', 3725)).toBe("A B C .mkv 1.02.05.png");
    expect(screenshotName("\u0000", 5)).toBe("Freshet 0.05.png");
    expect(screenshotName("я".repeat(300), 5)).toBe(`${"я".repeat(80)} 0.05.png`);
  });

  it("below the page is saved when whoever plays it says so, and not when it could not be written", async () => {
    const listeners = new Set<(event: FilmEvent) => void>();
    const film: FilmPort = {
      ask: () => undefined,
      isThere: () => Promise.resolve(true),
      onFilmEvent: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const say = (event: FilmEvent) => [...listeners].forEach((listener) => listener(event));

    const saved = askForScreenshot(film, "River", 5);
    say({ kind: "restart" });
    say({ kind: "screenshot", error: null });
    await expect(saved).resolves.toBe("River 0.05.png");
    const lost = askForScreenshot(film, "River", 5);
    say({ kind: "screenshot", error: "error running command" });
    await expect(lost).rejects.toThrow("error running command");
    expect(listeners.size).toBe(0);
  });
});

describe("the screen", () => {
  it("stays awake while the film runs, also when the answer comes late", async () => {
    let held = 0;
    let answer: (() => void) | undefined;
    const sentinel = {
      release: () => {
        held -= 1;
        return Promise.resolve();
      },
    };
    const awake = new Awake({
      request: () =>
        new Promise((resolve) => {
          answer = () => {
            held += 1;
            resolve(sentinel);
          };
        }),
    });
    const settle = () => vi.advanceTimersByTimeAsync(0);

    awake.want(true);
    awake.want(false);
    answer?.();
    await settle();
    expect(held, "given back, for nobody wants it any more").toBe(0);

    awake.want(true);
    answer?.();
    await settle();
    expect(held).toBe(1);
    awake.want(false);
    await settle();
    expect(held).toBe(0);
  });
});

describe("the map of pieces", () => {
  it("is looked at once a second, and no more when nobody sees it", async () => {
    const spans = [{ start_secs: 0, end_secs: 100, stand: "have" as const }];
    const host = new FakeHost({ playback_map: () => ({ spans, is_estimate: true }) });
    const pieces = new PieceMap(host);
    const stop = pieces.watch("play-1");
    await vi.advanceTimersByTimeAsync(0);
    expect(pieces.map?.spans).toEqual(spans);
    await vi.advanceTimersByTimeAsync(LOOK_EVERY_MS);
    stop();
    await vi.advanceTimersByTimeAsync(5 * LOOK_EVERY_MS);
    expect(host.argsOf("playback_map")).toHaveLength(2);

    expect(standAt(spans, 99)).toBe("have");
    expect(standAt(spans, 100)).toBeNull();
  });
});
