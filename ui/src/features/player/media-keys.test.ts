import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { answerMediaKeys, tellSystem } from "./media-keys";
import type { PlayerController } from "./player-controller.svelte";

class FakeSession {
  metadata: { title: string } | null = null;
  playbackState = "none";
  readonly handlers = new Map<string, ((details: object) => void) | null>();
  position: object | null = null;

  setActionHandler(action: string, handler: ((details: object) => void) | null): void {
    if (action === "stop") throw new TypeError("this view knows no such action");
    this.handlers.set(action, handler);
  }

  setPositionState(position: object): void {
    this.position = position;
  }
}

describe("the system's own controls", () => {
  let session: FakeSession;
  beforeEach(() => {
    session = new FakeSession();
    vi.stubGlobal("navigator", { mediaSession: session });
    vi.stubGlobal("MediaMetadata", function (this: object, data: object) {
      Object.assign(this, data);
    });
  });
  afterEach(() => void vi.unstubAllGlobals());

  it("do what the page does, also where the view does not know them all", () => {
    const done: string[] = [];
    const player = {
      play: () => done.push("play"),
      pause: () => done.push("pause"),
      seek: (secs: number) => done.push(`to ${secs}`),
      seekBy: (secs: number) => done.push(`by ${secs}`),
    } as unknown as PlayerController;
    const stop = answerMediaKeys(player, {
      next: () => done.push("next"),
      previous: () => done.push("previous"),
      stop: () => done.push("stop"),
    });
    const press = (action: string, details: object = {}) => session.handlers.get(action)?.(details);

    press("pause");
    press("play");
    press("nexttrack");
    press("previoustrack");
    press("seekbackward");
    press("seekforward", { seekOffset: 30 });
    press("seekto", { seekTime: 0 });
    expect(done).toEqual(["pause", "play", "next", "previous", "by -10", "by 30", "to 0"]);

    stop();
    expect([...session.handlers.values()].every((handler) => handler === null)).toBe(true);
  });

  it("show the film, the place in it and whether it runs", () => {
    tellSystem({
      title: "River tales",
      subtitle: "E01.mkv",
      isPlaying: true,
      positionSecs: 700,
      durationSecs: 640,
      rate: 2,
    });
    expect(session.metadata).toMatchObject({ title: "E01.mkv", album: "River tales" });
    expect(session.playbackState).toBe("playing");
    expect(session.position, "no place lies behind the end").toEqual({
      duration: 640,
      position: 640,
      playbackRate: 2,
    });
  });
});
