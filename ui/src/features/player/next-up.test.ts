import { beforeEach, describe, expect, it } from "vitest";

import { ticket } from "../../test/samples";
import type { NextUpInput } from "./next-up.svelte";
import { NextUp, START_AFTER_SECS } from "./next-up.svelte";

const next_file = { info_hash: "a".repeat(40), file_index: 1, file_name: "e2.mkv" };
const episode = ticket({ duration_secs: 1400, next_file, next_up_at_secs: 1370 });
const at = (positionSecs: number, change: Partial<NextUpInput> = {}): NextUpInput => ({
  ticket: episode,
  positionSecs,
  isPlaying: true,
  isEnded: false,
  ...change,
});

describe("the offer of the next file", () => {
  let offer: NextUp;
  beforeEach(() => (offer = new NextUp()));

  it("comes when Rust says, and goes on by itself after ten seconds of playing", () => {
    offer.update(at(1369));
    expect(offer.file).toBeNull();
    offer.update(at(1370));
    expect(offer.file).toEqual(next_file);

    for (let second = 1; second < START_AFTER_SECS; second += 1) expect(offer.tick(at(1370))).toBeNull();
    expect(offer.tick(at(1370, { isPlaying: false })), "a paused film is in no hurry").toBeNull();
    expect(offer.leftSecs).toBe(1);
    expect(offer.tick(at(1380))).toEqual(next_file);
  });

  it("does not come where a stream breaks off in the middle of the film", () => {
    offer.update(at(430, { isEnded: true, isPlaying: false }));
    expect(offer.tick(at(430, { isEnded: true, isPlaying: false }))).toBeNull();
  });

  it("goes on at once where the film is really over", () => {
    offer.update(at(1399));
    expect(offer.tick(at(1400, { isEnded: true, isPlaying: false }))).toEqual(next_file);
  });

  it("leaves those alone who watch the credits, until they go back", () => {
    offer.update(at(1375));
    offer.dismiss();
    offer.update(at(1380));
    expect(offer.file).toBeNull();
    expect(offer.tick(at(1400, { isEnded: true }))).toBeNull();

    offer.update(at(100));
    offer.update(at(1371));
    expect(offer.file).toEqual(next_file);
    expect(offer.leftSecs).toBe(START_AFTER_SECS);
  });

  it("needs a next file and a time for it", () => {
    offer.update(at(1399, { ticket: ticket({ next_up_at_secs: 1370 }) }));
    expect(offer.file).toBeNull();
    offer.update(at(1399, { ticket: ticket({ next_file }) }));
    expect(offer.file).toBeNull();
  });
});
