import { beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { settle } from "../../test/fake-media";
import { HASH_A, info, ticket } from "../../test/samples";
import type { PartAnswer } from "./feeder";
import { Upcoming } from "./upcoming";

const TARGET = { info_hash: HASH_A, file_index: 1 };

describe("what goes on next", () => {
  let host: FakeHost;
  let upcoming: Upcoming;
  let asked: string[];
  let answer: PartAnswer;

  beforeEach(() => {
    host = new FakeHost({
      app_info: () => info,
      playback_open: () => ticket({ playback_id: "next", file_index: 1, resume_at_secs: 3 }),
      playback_start: ({ at_secs }) => ({
        mime: "video/mp4",
        path: "/media/next-run",
        mode: "remux",
        start_secs: at_secs,
        timestamp_offset_secs: 0,
      }),
      playback_report: () => undefined,
    });
    asked = [];
    answer = { kind: "part", bytes: new ArrayBuffer(1) };
    upcoming = new Upcoming(host, {
      canPlayType: () => true,
      isFed: true,
      fetchPart: (path, part) => {
        asked.push(`${path}/${part}`);
        return Promise.resolve(answer);
      },
      chooseAudio: () => 2,
    });
  });

  const closed = () => host.argsOf("playback_report").map(({ playback_id, kind }) => [playback_id, kind]);

  it("is opened once, and its first parts are here when it is wanted", async () => {
    upcoming.prepare(TARGET);
    upcoming.prepare(TARGET);
    await settle();
    expect(host.argsOf("playback_start")).toEqual([{ playback_id: "next", at_secs: 3, audio_stream: 2 }]);
    const prepared = await upcoming.take(TARGET);
    expect([prepared?.ticket.playback_id, prepared?.audioStream]).toEqual(["next", 2]);

    const signal = new AbortController().signal;
    for (const part of [0, 1, 2]) await upcoming.fetchPart("/media/next-run", part, signal);
    expect(asked).toEqual(["/media/next-run/0", "/media/next-run/1", "/media/next-run/2"]);
    expect(await upcoming.take(TARGET)).toBeNull();
    upcoming.drop();
    await settle();
    expect(closed(), "it belongs to who has taken it").toEqual([]);
  });

  it("is given up when another file is wanted", async () => {
    upcoming.prepare(TARGET);
    await settle();
    expect(await upcoming.take({ info_hash: HASH_A, file_index: 7 })).toBeNull();
    await settle();
    expect(closed()).toEqual([["next", "closed"]]);
  });

  it("is nothing where it can't be opened, and is not left open", async () => {
    host.answer({
      playback_start: () => {
        throw new Error("no");
      },
    });
    upcoming.prepare(TARGET);
    expect(await upcoming.take(TARGET)).toBeNull();
    await settle();
    expect(closed()).toEqual([["next", "closed"]]);
  });

  it("asks for the parts of a run that has ended once more", async () => {
    answer = { kind: "gone" };
    upcoming.prepare(TARGET);
    await settle();
    await upcoming.fetchPart("/media/next-run", 0, new AbortController().signal);
    expect(asked).toEqual(["/media/next-run/0", "/media/next-run/1", "/media/next-run/0"]);
  });
});
