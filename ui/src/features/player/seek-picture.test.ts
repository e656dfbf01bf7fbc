import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeHost } from "../../lib/host/fake";
import { ASK_AFTER_MS, SeekPicture, type FetchPicture } from "./seek-picture.svelte";

const DURATION_SECS = 4_000;

describe("the picture below the pointer", () => {
  let asked: { address: string; signal: AbortSignal; answer: (picture: Blob | null) => void }[];
  let picture: SeekPicture;
  let made = 0;

  beforeEach(() => {
    vi.useFakeTimers();
    made = 0;
    vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${++made}`);
    vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
    asked = [];
    const fetchPicture: FetchPicture = (address, signal) =>
      new Promise((answer) => asked.push({ address, signal, answer }));
    picture = new SeekPicture(new FakeHost(), fetchPicture);
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  async function rest() {
    await vi.advanceTimersByTimeAsync(ASK_AFTER_MS);
  }

  async function answer(index: number, blob: Blob | null) {
    asked[index]?.answer(blob);
    await vi.advanceTimersByTimeAsync(0);
  }

  it("is asked for where the pointer rests, and kept", async () => {
    picture.show("p", 100, DURATION_SECS);
    picture.show("p", 205, DURATION_SECS);
    await rest();
    expect(asked.map((ask) => ask.address)).toEqual(["http://media.test/media/p/picture?at=200.00"]);
    await answer(0, new Blob(["a"]));
    expect(picture.address).toBe("blob:1");

    picture.show("p", 900, DURATION_SECS);
    expect([picture.address, picture.isStale]).toEqual(["blob:1", true]);
    await rest();
    await answer(1, null);
    expect([picture.address, picture.isStale]).toEqual([null, false]);
    picture.show("p", 209, DURATION_SECS);
    expect([picture.address, picture.isStale]).toEqual(["blob:1", false]);
    await rest();
    expect(asked).toHaveLength(2);
  });

  it("comes too late for who has gone on", async () => {
    picture.show("p", 100, DURATION_SECS);
    await rest();
    picture.hide();
    expect(asked[0]?.signal.aborted).toBe(true);
    await answer(0, new Blob(["a"]));
    expect([picture.address, made]).toEqual([null, 0]);
  });

  it("goes with its film", async () => {
    picture.show("p", 100, DURATION_SECS);
    await rest();
    await answer(0, new Blob(["a"]));
    picture.show("q", 100, DURATION_SECS);
    expect(picture.address).toBeNull();
    expect(URL.revokeObjectURL).toHaveBeenCalledWith("blob:1");
  });
});
