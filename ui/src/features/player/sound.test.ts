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
    expect(sound.set(0.5, true)).toBe(0.5);
    expect([video.volume, video.muted]).toEqual([0.5, true]);
    expect(built()).toBe(0);

    expect(sound.set(1.2, false)).toBe(1.2);
    sound.set(1, false);
    sound.toggleNight();
    expect(built(), "one graph for one video").toBe(1);
  });

  it("is raised by no more than is bearable, and evened out at night", () => {
    const { sound, sets } = rig();
    expect(sound.set(9, false)).toBe(MAX_BOOST);
    sound.toggleNight();
    sound.toggleNight();
    expect(sets).toEqual([
      [MAX_BOOST, false],
      [MAX_BOOST, true],
      [MAX_BOOST, false],
    ]);
  });

  it("is turned down and muted by the graph, once there is one", () => {
    const { sound, sets } = rig();
    sound.set(1.1, false);
    sound.set(0.4, false);
    sound.set(0.4, true);
    expect(sets.map(([level]) => level)).toEqual([1.1, 0.4, 0]);
    expect([video.volume, video.muted], "not every view obeys these behind a graph").toEqual([1, false]);
  });

  it("stays as it is where the view can't do more", () => {
    const { sound } = rig(false);
    expect(sound.set(1.3, false)).toBe(1);
    expect(video.volume).toBe(1);
    sound.toggleNight();
    expect(sound.isNight).toBe(false);
    expect(sound.isAvailable).toBe(false);
  });
});
