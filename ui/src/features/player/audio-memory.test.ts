import { beforeEach, describe, expect, it } from "vitest";

import type { TrackInfo } from "../../lib/host/bindings";
import { HASH_A, HASH_B } from "../../test/samples";
import { AudioMemory } from "./audio-memory";

const track = (stream_index: number, language: string | null, title: string | null = null): TrackInfo => ({
  stream_index,
  kind: "audio",
  codec: "aac",
  mime_codec: null,
  language,
  title,
});

describe("the choice of an audio track", () => {
  let values: Map<string, string>;
  let memory: AudioMemory;
  beforeEach(() => {
    values = new Map();
    memory = new AudioMemory(() => ({
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => void values.set(key, value),
    }));
  });

  it("holds for the other episodes of the same torrent, whatever their numbers", () => {
    memory.remember(HASH_A, track(2, "rus", "Studio"));
    const next = [track(1, "eng"), track(4, "rus", "Commentary"), track(7, "rus", "Studio")];
    expect(memory.recall(HASH_A, next)?.stream_index).toBe(7);
    expect(memory.recall(HASH_A, next.slice(0, 2))?.stream_index, "at least the language").toBe(4);
    expect(memory.recall(HASH_A, [track(1, "eng")])).toBeNull();
    expect(memory.recall(HASH_B, next)).toBeNull();
  });

  it("is the newest one, and of the fifty newest torrents", () => {
    for (let at = 0; at < 60; at += 1) memory.remember(`hash-${at}`, track(1, "eng"));
    memory.remember("hash-59", track(2, "rus"));
    expect(memory.recall("hash-59", [track(1, "eng"), track(2, "rus")])?.stream_index).toBe(2);
    expect(memory.recall("hash-10", [track(1, "eng")])?.stream_index).toBe(1);
    expect(memory.recall("hash-9", [track(1, "eng")])).toBeNull();
  });

  it("is none where storage is forbidden, and nothing breaks", () => {
    const without = new AudioMemory(() => {
      throw new Error("SecurityError");
    });
    without.remember(HASH_A, track(1, "eng"));
    expect(without.recall(HASH_A, [track(1, "eng")])).toBeNull();
  });

  it("is none where the memory holds nonsense", () => {
    values.set("freshet.audio", '[1, null, {"infoHash": 5}]');
    expect(memory.recall(HASH_A, [track(1, "eng")])).toBeNull();
    values.set("freshet.audio", "{");
    expect(memory.recall(HASH_A, [track(1, "eng")])).toBeNull();
  });
});
