import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { HOLD_AFTER_MS, Holding } from "./holding";
import type { PlayerController } from "./player-controller.svelte";
import { SpeedControl } from "./speed.svelte";

describe("holding", () => {
  let speed: SpeedControl;
  let video: HTMLVideoElement;
  let player: { phase: string; wantsToPlay: boolean };
  let holding: Holding;

  beforeEach(() => {
    vi.useFakeTimers();
    video = document.createElement("video");
    speed = new SpeedControl();
    speed.attach(video);
    speed.set(1.5);
    player = { phase: "ready", wantsToPlay: true };
    holding = new Holding(
      Object.assign(player, { speed, play: () => undefined }) as unknown as PlayerController,
    );
  });
  afterEach(() => void vi.useRealTimers());

  it("the button down doubles the speed until it is let go, and its click then means nothing", () => {
    holding.pointerDown();
    vi.advanceTimersByTime(HOLD_AFTER_MS);
    expect(video.playbackRate).toBe(2);
    expect(holding.release()).toBe(true);
    expect(video.playbackRate, "as fast as before").toBe(1.5);
  });

  it("a short press is a click", () => {
    holding.pointerDown();
    vi.advanceTimersByTime(HOLD_AFTER_MS - 1);
    expect(holding.release()).toBe(false);
    vi.advanceTimersByTime(HOLD_AFTER_MS);
    expect(video.playbackRate).toBe(1.5);
  });

  it("does nothing to a film that does not run yet", () => {
    player.phase = "opening";
    holding.keyRepeats();
    holding.pointerDown();
    vi.advanceTimersByTime(HOLD_AFTER_MS);
    expect(speed.isHeld).toBe(false);
  });
});
