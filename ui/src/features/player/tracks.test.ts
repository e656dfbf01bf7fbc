import { describe, expect, it } from "vitest";

import { ticket } from "../../test/samples";
import { inLanguage } from "./tracks";

describe("the wanted language of the sound", () => {
  const tracks = ticket().tracks.filter((track) => track.kind === "audio");

  it.each([
    ["ru", 2],
    ["rus", 2],
    ["ru-RU", 2],
    ["ja", undefined],
    ["", undefined],
  ])("%o is stream %o", (tag, stream) => {
    expect(inLanguage(tracks, tag)?.stream_index).toBe(stream);
  });
});
