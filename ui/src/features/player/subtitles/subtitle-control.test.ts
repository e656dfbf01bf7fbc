import { beforeEach, describe, expect, it, vi } from "vitest";

import type { SubtitleTrack, SubtitleWindow } from "../../../lib/host/bindings";
import { FakeHost } from "../../../lib/host/fake";
import { CallError } from "../../../lib/host/host";
import { I18n } from "../../../lib/i18n/i18n.svelte";
import { ticket } from "../../../test/samples";
import { SubtitleMemory } from "./memory";
import { SubtitleControl } from "./subtitle-control.svelte";

const track = (
  stream_index: number,
  language: string,
  change: Partial<SubtitleTrack> = {},
): SubtitleTrack => ({
  source: { kind: "embedded", stream_index },
  form: "text",
  format: "srt",
  language,
  title: null,
  is_default: false,
  is_forced: false,
  is_for_hearing_impaired: false,
  ...change,
});

const opened = { is_whole: false, cues: [], script: null, charset: null, fonts: [] };
const said = (from: number): SubtitleWindow => ({
  cues: [
    {
      start_secs: from,
      end_secs: from + 2,
      runs: [{ text: `at ${from}`, is_italic: false, is_bold: false, is_underlined: false }],
      height: "bottom",
      side: "center",
    },
  ],
  events: [],
});

const film = ticket({
  subtitles: [track(3, "de"), track(4, "en"), track(5, "en", { form: "pgs", format: "pgs" })],
});
const japanese = {
  stream_index: 1,
  kind: "audio" as const,
  codec: "aac",
  mime_codec: null,
  language: "jpn",
  title: null,
};

let host: FakeHost;
let kept: Map<string, string>;
let subtitles: SubtitleControl;

beforeEach(() => {
  kept = new Map();
  host = new FakeHost({
    subtitle_open: () => opened,
    subtitle_window: ({ from_secs }) => said(from_secs),
  });
  subtitles = new SubtitleControl(
    host,
    new I18n(["en"]),
    new SubtitleMemory(() => ({
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
    })),
  );
});

const asked = () => host.argsOf("subtitle_window").map(({ from_secs }) => from_secs);

describe("subtitles of a film", () => {
  it("begin with the person's language and come window by window, no further than two minutes", async () => {
    subtitles.filmChanged(film, japanese);
    expect(subtitles.first?.chosen.key).toBe("s4");
    await vi.waitFor(() => expect(subtitles.first?.state).toBe("open"));

    subtitles.at(65);
    await vi.waitFor(() => expect(asked()).toEqual([60, 90, 30, 120, 150]));
    await vi.waitFor(() => expect(subtitles.first?.cues.cues).toHaveLength(5));
    subtitles.at(70);
    expect(asked()).toHaveLength(5);
    expect(subtitles.first?.cues.at(91)[0]?.runs[0]?.text).toBe("at 90");
  });

  it("ask about the new place at once after a seek, and keep what comes late", async () => {
    const answers: (() => void)[] = [];
    host.answer({
      subtitle_window: ({ from_secs }) =>
        new Promise((answer) => answers.push(() => answer(said(from_secs)))),
    });
    subtitles.filmChanged(film, japanese);
    await vi.waitFor(() => expect(subtitles.first?.state).toBe("open"));
    subtitles.at(0);
    subtitles.at(1);
    expect(asked(), "one question at a time").toEqual([0]);
    subtitles.at(300);
    expect(asked()).toEqual([0, 300]);
    answers[0]?.();
    answers[1]?.();
    await vi.waitFor(() => expect(asked()).toEqual([0, 300, 330]));
    expect(subtitles.first?.cues.cues.map(({ start_secs }) => start_secs)).toEqual([0, 300]);
  });

  it("that can't be read are told after a few tries; what is only late is not", async () => {
    vi.useFakeTimers();
    let code: "stalled" | "unreadable_media" = "stalled";
    host.answer({
      subtitle_window: () => Promise.reject(new CallError({ code, message: "no" })),
    });
    subtitles.filmChanged(film, japanese);
    await vi.advanceTimersByTimeAsync(0);
    const tryTimes = async (count: number) => {
      for (let attempt = 0; attempt < count; attempt += 1) {
        subtitles.at(0);
        await vi.advanceTimersByTimeAsync(3_100);
      }
    };
    await tryTimes(8);
    expect(subtitles.first?.state).toBe("open");
    code = "unreadable_media";
    await tryTimes(5);
    expect(subtitles.first?.state).toBe("failed");
    vi.useRealTimers();
  });

  it("obey their keys", () => {
    subtitles.filmChanged(film, japanese);
    expect(subtitles.perform({ kind: "subtitle_toggle" })).toBe("Subtitles off");
    expect(subtitles.first).toBeNull();
    expect(subtitles.perform({ kind: "subtitle_toggle" })).toBe("English · SRT");
    expect(subtitles.perform({ kind: "subtitle_next" })).toBe("English · PGS");
    expect(subtitles.perform({ kind: "subtitle_next" })).toBe("Subtitles off");
    expect(subtitles.perform({ kind: "subtitle_next" })).toBe("German · SRT");
    expect(subtitles.perform({ kind: "subtitle_second" })).toBe("Second, at the top: English · SRT");
    expect(subtitles.perform({ kind: "subtitle_second" })).toContain("Subtitles off");
    expect(subtitles.perform({ kind: "subtitle_delay", direction: 1 })).toBe("Subtitle delay +0.1 s");
    expect(subtitles.perform({ kind: "subtitle_delay", direction: -1 })).toBe("Subtitle delay 0.0 s");
    expect(subtitles.perform({ kind: "subtitle_size", direction: 1 })).toBe("Subtitle size 110%");
    for (let step = 0; step < 40; step += 1) subtitles.perform({ kind: "subtitle_size", direction: 1 });
    expect(subtitles.style.size).toBe(2.5);
  });

  it("are remembered for the next file of the torrent, and go with the film", () => {
    subtitles.filmChanged(film, japanese);
    subtitles.choose("s3");
    subtitles.setDelay(2);
    subtitles.filmChanged(null, null);
    expect([subtitles.first, subtitles.tracks]).toEqual([null, []]);

    subtitles.filmChanged({ ...film, playback_id: "play-2", file_index: 1 }, japanese);
    expect(subtitles.first?.chosen.key).toBe("s3");
    expect(subtitles.delaySecs).toBe(0);
    subtitles.choose(null);
    subtitles.filmChanged({ ...film, playback_id: "play-3", file_index: 2 }, japanese);
    expect(subtitles.first).toBeNull();
  });

  it("outlive an interruption of the film, with what the person brought", () => {
    subtitles.filmChanged(film, japanese);
    subtitles.addFile(new File(["words"], "mine.srt"));
    subtitles.chooseSecond("s3");
    subtitles.setDelay(2);
    subtitles.filmChanged(null, null);
    subtitles.filmChanged({ ...film, playback_id: "play-2" }, japanese);
    expect([subtitles.first?.chosen.key, subtitles.second?.chosen.key, subtitles.delaySecs]).toEqual([
      "o1",
      "s3",
      2,
    ]);
    expect(subtitles.first?.playbackId).toBe("play-2");
  });

  it("of one's own are read by Rust, and never remembered", async () => {
    host.answer({ subtitle_read: () => ({ ...opened, is_whole: true, charset: "UTF-8" }) });
    subtitles.filmChanged(film, japanese);
    expect(subtitles.addFile(new File(["words"], "mine.srt"))).toBe(true);
    await vi.waitFor(() => expect(subtitles.first?.isWhole).toBe(true));
    expect(host.argsOf("subtitle_read")[0]).toEqual({
      playback_id: "play-1",
      name: "mine.srt",
      base64: btoa("words"),
    });
    expect(subtitles.addFile(new File(["words"], "mine.zip"))).toBe(false);
    expect(kept.get("freshet.subtitles")).toBeUndefined();
    await subtitles.first?.open("windows-1251");
    expect(host.argsOf("subtitle_read")[1]?.charset).toBe("windows-1251");
  });
});
