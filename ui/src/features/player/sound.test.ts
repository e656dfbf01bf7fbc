import { describe, expect, it } from "vitest";

import type { AudioGraph } from "./sound.svelte";
import { MAX_BOOST, SoundControl } from "./sound.svelte";

const video = document.createElement("video");

function rig(hasGraph = true) {
  const sets: [number, boolean][] = [];
  let builtCount = 0;
  const graph: AudioGraph = { set: (gain, isNight) => void sets.push([gain, isNight]) };
  const sound = new SoundControl(() => {
    builtCount += 1;
    return hasGraph ? graph : null;
  });
  sound.attach(video);
  return { sound, sets, built: () => builtCount };
}

describe("the sound", () => {
  it("goes straight to the speakers until somebody wants more of it", () => {
    const { sound, built } = rig();
    expect(sound.boost(1)).toBe(1);
    expect(built()).toBe(0);

    expect(sound.boost(1.2)).toBe(1.2);
    sound.boost(1);
    sound.toggleNight();
    expect(built(), "one graph for one video").toBe(1);
  });

  it("is raised by no more than is bearable, and evened out at night", () => {
    const { sound, sets } = rig();
    expect(sound.boost(9)).toBe(MAX_BOOST);
    sound.toggleNight();
    sound.toggleNight();
    expect(sets).toEqual([
      [MAX_BOOST, false],
      [MAX_BOOST, true],
      [MAX_BOOST, false],
    ]);
  });

  it("stays as it is where the view can't do more", () => {
    const { sound } = rig(false);
    expect(sound.boost(1.3)).toBe(1);
    sound.toggleNight();
    expect(sound.isNight).toBe(false);
    expect(sound.isAvailable).toBe(false);
  });
});
