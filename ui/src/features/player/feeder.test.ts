import { beforeEach, describe, expect, it, vi } from "vitest";

import { FakeMediaSource, FakeVideo, HEADER, seconds, settle } from "../../test/fake-media";
import type { PartAnswer } from "./feeder";
import { Feeder } from "./feeder";

const MIME = 'video/mp4; codecs="avc1.64001f,mp4a.40.2"';
const header: PartAnswer = { kind: "part", bytes: HEADER };
const span = (start: number, end: number): PartAnswer => ({ kind: "part", bytes: seconds(start, end) });

interface Request {
  path: string;
  part: number;
  answer: (answer: PartAnswer) => void;
  refuse: (error: Error) => void;
}

/** A feeder whose every request waits for the test. */
class Rig {
  readonly source = new FakeMediaSource();
  readonly video = new FakeVideo(() => this.source.buffer.spans);
  readonly requests: Request[] = [];
  readonly heard: string[] = [];
  readonly feeder: Feeder;

  constructor(durationSecs: number | null = 400) {
    this.feeder = new Feeder(
      this.video.asVideo(),
      this.source.asMediaSource(),
      durationSecs,
      (path, part, signal) =>
        new Promise((resolve, reject) => {
          this.requests.push({ path, part, answer: resolve, refuse: reject });
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        }),
      {
        onEnd: (hasMedia) => this.heard.push(`end ${hasMedia}`),
        onGone: () => this.heard.push("gone"),
        onFailed: (reason, isReachable) => this.heard.push(`failed ${reason} ${isReachable}`),
      },
    );
  }

  get last(): Request {
    const last = this.requests.at(-1);
    if (!last) throw new Error("nothing was asked for");
    return last;
  }

  asked(): string[] {
    return this.requests.map((request) => `${request.path}/${request.part}`);
  }

  async start(path = "/media/a", atSecs = 0): Promise<void> {
    this.video.currentTime = atSecs;
    this.feeder.start({ mime: MIME, path, timestamp_offset_secs: 0 }, atSecs);
    await settle();
  }

  async answer(answer: PartAnswer): Promise<void> {
    this.last.answer(answer);
    await settle();
  }
}

describe("Feeder", () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });

  it("asks for the header, then for part after part", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 2));
    await rig.answer(span(2, 4));

    expect(rig.asked()).toEqual(["/media/a/0", "/media/a/1", "/media/a/2", "/media/a/3"]);
    expect(rig.source.types).toEqual([MIME]);
    expect(rig.source.duration).toBe(400);
    expect(rig.source.buffer.spans).toEqual([[0, 4]]);
  });

  it("stops asking with 30 seconds ahead and goes on as the film moves", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 20));
    await rig.answer(span(20, 31));
    expect(rig.requests).toHaveLength(3);

    rig.video.advanceTo(0.9);
    await settle();
    expect(rig.requests, "30.1 seconds are ahead").toHaveLength(3);

    rig.video.advanceTo(1.5);
    await settle();
    expect(rig.asked().at(-1)).toBe("/media/a/3");
  });

  it("gives up what lies more than a minute behind", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 100));
    rig.video.advanceTo(95);
    await settle();
    await rig.answer(span(100, 102));

    expect(rig.source.buffer.removed).toEqual([[0, 35]]);
    expect(rig.source.buffer.spans).toEqual([[35, 102]]);
  });

  it("asks for the same part again after a lost connection", async () => {
    vi.useFakeTimers();
    await rig.start();
    await rig.answer(header);
    rig.last.refuse(new TypeError("connection lost"));
    await settle();
    expect(rig.requests, "not at once").toHaveLength(2);

    await vi.advanceTimersByTimeAsync(250);
    expect(rig.asked().at(-1)).toBe("/media/a/1");
    await rig.answer(span(0, 2));

    expect(rig.source.buffer.spans).toEqual([[0, 2]]);
    expect(rig.heard).toEqual([]);
    vi.useRealTimers();
  });

  it("says that the other side can't be reached when asking again has a limit", async () => {
    vi.useFakeTimers();
    await rig.start();
    for (let attempt = 0; attempt < 12; attempt += 1) {
      rig.last.refuse(new TypeError("connection lost"));
      await vi.advanceTimersByTimeAsync(8_000);
    }

    expect(rig.heard).toEqual(["failed connection lost false"]);
    expect(rig.requests).toHaveLength(12);
    vi.useRealTimers();
  });

  it("ends the stream when the file ends, and only then", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 2));
    expect(rig.source.endCount).toBe(0);
    await rig.answer({ kind: "end" });

    expect(rig.source.endCount).toBe(1);
    expect(rig.heard).toEqual(["end true"]);
  });

  it("does not end a stream that has no pictures, for that would make the film zero seconds long", async () => {
    await rig.start("/media/a", 399.9);
    await rig.answer(header);
    await rig.answer({ kind: "end" });

    expect(rig.source.endCount).toBe(0);
    expect(rig.heard).toEqual(["end false"]);
  });

  it("puts a new run in the place of the old one, also while the old one is waiting", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 2));
    await rig.start("/media/b", 200);
    await rig.answer(header);
    await rig.answer(span(198, 204));

    expect(rig.asked()).toEqual([
      "/media/a/0",
      "/media/a/1",
      "/media/a/2",
      "/media/b/0",
      "/media/b/1",
      "/media/b/2",
    ]);
    expect(rig.source.buffer.abortCount, "half a part may be in the parser").toBe(1);
    expect(rig.source.buffer.spans).toEqual([[198, 204]]);
    expect(rig.heard).toEqual([]);
  });

  it("gives the film its full length back when a run starts after an end", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 2));
    await rig.answer({ kind: "end" });
    rig.source.duration = 2;
    rig.source.buffer.addEventListener("updateend", () => (rig.source.readyState = "open"), { once: true });
    await rig.start("/media/b", 100);

    expect(rig.source.duration).toBe(400);
    expect(rig.source.buffer.abortCount, "an ended source has nothing to abort").toBe(0);
  });

  it("changes type and time offset when the new run has others", async () => {
    await rig.start();
    await rig.answer(header);
    rig.feeder.start({ mime: "video/mp4; codecs=opus", path: "/media/b", timestamp_offset_secs: -0.25 }, 0);
    await settle();

    expect(rig.source.buffer.types).toEqual(["video/mp4; codecs=opus"]);
    expect(rig.source.buffer.timestampOffset).toBe(-0.25);
  });

  it("moves into the first pictures when they start a little late", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0.1, 2));

    expect(rig.video.currentTime).toBeCloseTo(0.101);
  });

  it("leaves a gap of two frames to the view", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0.083, 2));

    expect(rig.video.currentTime).toBe(0);
  });

  it("does not move over a gap of more than a second", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(1.2, 3));

    expect(rig.video.currentTime).toBe(0);
  });

  it("makes room when the view is full and tries the same part again", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 20));
    rig.video.advanceTo(15);
    rig.source.buffer.capacitySecs = 21;
    await settle();
    await rig.answer(span(20, 24));

    expect(rig.source.buffer.removed).toEqual([[0, 10]]);
    expect(rig.source.buffer.spans).toEqual([[10, 24]]);
  });

  it("waits for the film to move when the view is full and nothing can be given up", async () => {
    await rig.start();
    await rig.answer(header);
    await rig.answer(span(0, 20));
    rig.source.buffer.capacitySecs = 21;
    await rig.answer(span(20, 24));
    expect(rig.source.buffer.spans).toEqual([[0, 20]]);

    rig.video.advanceTo(12);
    await settle();
    expect(rig.source.buffer.spans).toEqual([[7, 24]]);
  });

  it.each([
    [{ kind: "gone" }, "gone"],
    [{ kind: "failed", reason: "ffmpeg: no such codec" }, "failed ffmpeg: no such codec true"],
  ] as [PartAnswer, string][])("tells of %o and asks for nothing more", async (answer, said) => {
    await rig.start();
    await rig.answer(answer);

    expect(rig.heard).toEqual([said]);
    expect(rig.requests).toHaveLength(1);
  });

  it("tells of a part that the view can't read", async () => {
    await rig.start();
    rig.source.buffer.rejectsNext = true;
    await rig.answer(header);

    expect(rig.heard).toEqual(["failed the view can't read this stream true"]);
  });

  it("says nothing after it was stopped", async () => {
    await rig.start();
    rig.feeder.stop();
    await rig.answer({ kind: "gone" });
    await rig.feeder.settled();

    expect(rig.heard).toEqual([]);
  });
});
