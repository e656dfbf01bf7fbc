import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { MediaRun, PlaybackTicket } from "../../lib/host/bindings";
import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { FakeMediaSource, FakeVideo, HEADER, seconds, settle } from "../../test/fake-media";
import { HASH_A, HASH_B, info, resolving, settings, ticket, torrent } from "../../test/samples";
import type { PartAnswer } from "./feeder";
import { FROZEN_AFTER_MS, LOOK_EVERY_MS, NUDGE_SECS } from "./frozen-watch";
import type { PlayerParts } from "./player-controller.svelte";
import { PlayerController, REPORT_EVERY_MS } from "./player-controller.svelte";
import { SEEK_DEBOUNCE_MS } from "./playhead.svelte";
import { SHOW_AFTER_MS } from "./stall-watch.svelte";
import { REMEMBER_VOLUME_AFTER_MS } from "./volume.svelte";

/** A film whose parts are two seconds long and always there, unless the test says otherwise. */
class Rig {
  readonly source = new FakeMediaSource();
  readonly video = new FakeVideo(() => this.source.buffer.spans);
  readonly host = new FakeHost();
  readonly player: PlayerController;
  readonly detach: () => void;
  runCount = 0;
  /** What the other side says to a request for a part, where that is not the film. */
  partAnswer: PartAnswer | null = null;
  startsAt = new Map<string, number>();

  constructor(opened: Partial<PlaybackTicket> = {}, audioMemory?: PlayerParts["audioMemory"]) {
    this.host.answer({
      app_info: () => info,
      playback_open: () => ticket(opened),
      playback_start: ({ at_secs }): MediaRun => {
        this.runCount += 1;
        const path = `/media/${this.runCount}`;
        this.startsAt.set(path, at_secs);
        return { mime: "video/mp4", path, mode: "remux", start_secs: at_secs, timestamp_offset_secs: 0 };
      },
      playback_report: () => undefined,
      volume_set: () => undefined,
      torrent_retry: () => resolving(),
    });
    this.player = new PlayerController(this.host, {
      ...(audioMemory ? { audioMemory } : {}),
      canPlayType: (mime) => mime.includes("h264"),
      openMediaSource: () => Promise.resolve(this.source.asMediaSource()),
      fetchPart: (path, part, signal) => {
        if (this.partAnswer) return Promise.resolve(this.partAnswer);
        if (part === 0) return Promise.resolve({ kind: "part", bytes: HEADER });
        if (part > 10) return new Promise((_, reject) => signal.addEventListener("abort", reject));
        const start = (this.startsAt.get(path) ?? 0) + (part - 1) * 2;
        return Promise.resolve({ kind: "part", bytes: seconds(start, start + 2) });
      },
    });
    this.detach = this.player.attach(this.video.asVideo());
  }

  async open(): Promise<void> {
    this.player.open({ info_hash: HASH_A });
    this.player.torrentChanged(HASH_A, torrent());
    await settle();
  }

  async play(): Promise<void> {
    await this.open();
    this.picture();
  }

  /** The view shows the first picture, or the picture after a jump. */
  picture(): void {
    this.video.emit("loadeddata");
    this.video.emit("seeked");
    this.video.emit("playing");
  }

  reports(): string[] {
    return this.host.argsOf("playback_report").map((report) => `${report.kind} ${report.position_secs}`);
  }
}

describe("PlayerController", () => {
  let rig: Rig;
  beforeEach(() => {
    vi.useFakeTimers();
    rig = new Rig();
  });
  afterEach(() => {
    rig.detach();
    vi.useRealTimers();
  });

  it("waits for the details, then opens, starts and plays", async () => {
    rig.player.open({ info_hash: HASH_A });
    expect(rig.player.phase).toBe("waiting");
    rig.player.torrentChanged(HASH_A, resolving());
    expect(rig.player.phase).toBe("resolving");
    expect(rig.host.argsOf("playback_open")).toEqual([]);

    rig.player.torrentChanged(HASH_A, torrent());
    expect(rig.player.phase).toBe("opening");
    await settle();
    expect(rig.player.phase).toBe("starting");
    expect(rig.host.argsOf("playback_open")).toEqual([
      { info_hash: HASH_A, playable_types: ["video/mp4; codecs=h264"] },
    ]);
    expect(rig.host.argsOf("playback_start")).toEqual([{ playback_id: "play-1", at_secs: 0 }]);

    rig.picture();
    expect(rig.player.phase).toBe("ready");
    expect(rig.video.paused).toBe(false);
    expect(rig.player.screen.buffered).toEqual([]);
    rig.video.advanceTo(1);
    expect(rig.player.screen.buffered).toEqual([{ startSecs: 0, endSecs: 20 }]);
    expect(rig.player.positionSecs).toBe(1);
  });

  it("sets the position again that a view has forgotten, before there is a picture", async () => {
    rig.detach();
    rig = new Rig({ resume_at_secs: 300 });
    await rig.open();
    rig.video.currentTime = 0;
    rig.video.emit("loadedmetadata");
    expect(rig.video.currentTime).toBe(300);
  });

  it("wakes up a view that stands although the film is there", async () => {
    await rig.play();
    rig.video.advanceTo(6);
    await vi.advanceTimersByTimeAsync(FROZEN_AFTER_MS + 2 * LOOK_EVERY_MS);
    expect(rig.video.currentTime).toBeCloseTo(6 + NUDGE_SECS);
    expect(rig.runCount).toBe(1);

    rig.video.emit("seeked");
    await vi.advanceTimersByTimeAsync(FROZEN_AFTER_MS + LOOK_EVERY_MS);
    expect(rig.player.wantsToPlay).toBe(true);
    expect(rig.video.paused).toBe(false);
    expect(rig.runCount).toBe(1);

    await vi.advanceTimersByTimeAsync(FROZEN_AFTER_MS + LOOK_EVERY_MS);
    expect(rig.host.argsOf("playback_open").length, "everything anew").toBe(2);
    expect(rig.host.argsOf("playback_start")[1]?.at_secs).toBeCloseTo(6 + NUDGE_SECS);
  });

  it("goes on with the audio that was chosen in the torrent before", async () => {
    const remembered: string[] = [];
    rig.detach();
    rig = new Rig(
      {},
      {
        recall: (_, tracks) => tracks.find((track) => track.language === "ru") ?? null,
        remember: (_, track) => void remembered.push(track.language ?? ""),
      },
    );
    await rig.play();
    expect(rig.host.argsOf("playback_start")[0]?.audio_stream).toBe(2);

    rig.player.selectAudio(1);
    expect(remembered).toEqual(["en"]);
  });

  it("opens the file that was asked for, where it was left", async () => {
    rig.detach();
    rig = new Rig({ resume_at_secs: 197 });
    rig.player.open({ info_hash: HASH_A, file_index: 3 });
    rig.player.torrentChanged(HASH_A, torrent());
    await settle();

    expect(rig.host.argsOf("playback_open")[0]?.file_index).toBe(3);
    expect(rig.host.argsOf("playback_start")[0]?.at_secs).toBe(197);
    expect(rig.video.currentTime).toBe(197);
    expect(rig.player.positionSecs).toBe(197);
  });

  it("tells of a torrent without details and goes on when they come after all", async () => {
    rig.player.open({ info_hash: HASH_A });
    rig.player.torrentChanged(
      HASH_A,
      torrent({ state: "failed", error: { code: "no_details", message: "none" } }),
    );
    expect(rig.player.phase).toBe("failed");
    expect(rig.player.error?.code).toBe("no_details");

    await rig.player.retry();
    expect(rig.host.argsOf("torrent_retry")).toEqual([{ info_hash: HASH_A }]);
    expect(rig.player.phase).toBe("resolving");

    rig.player.torrentChanged(HASH_A, torrent());
    await settle();
    expect(rig.player.phase).toBe("starting");
  });

  it("tells why a file can't be opened and opens it again on demand only", async () => {
    rig.host.answer({
      playback_open: () => {
        throw new CallError({ code: "ffmpeg_missing", message: "no ffmpeg" });
      },
    });
    await rig.open();
    expect(rig.player.phase).toBe("failed");
    expect(rig.player.error?.code).toBe("ffmpeg_missing");

    rig.player.torrentChanged(HASH_A, torrent({ last_opened_at_secs: 5 }));
    await settle();
    expect(rig.host.argsOf("playback_open"), "news of the torrent change nothing").toHaveLength(1);

    rig.host.answer({ playback_open: () => ticket() });
    await rig.player.retry();
    await settle();
    expect(rig.player.phase).toBe("starting");
  });

  it("forgets the answer for an earlier target and gives that playback back", async () => {
    let answerFirst: (value: PlaybackTicket) => void = () => undefined;
    rig.host.answer({
      playback_open: ({ info_hash }) =>
        info_hash === HASH_A
          ? new Promise((resolve) => (answerFirst = resolve))
          : ticket({ playback_id: "play-2", info_hash: HASH_B, title: "Lake" }),
    });
    await rig.open();
    rig.player.open({ info_hash: HASH_B });
    rig.player.torrentChanged(HASH_B, torrent({ info_hash: HASH_B }));
    await settle();
    answerFirst(ticket());
    await settle();

    expect(rig.player.ticket?.title).toBe("Lake");
    expect(rig.host.argsOf("playback_start").map((args) => args.playback_id)).toEqual(["play-2"]);
    expect(rig.host.argsOf("playback_report")).toEqual([
      { playback_id: "play-1", kind: "closed", position_secs: 0, duration_secs: 400 },
    ]);
  });

  it("jumps at once where the film is ready", async () => {
    await rig.play();
    rig.player.seek(12);

    expect(rig.video.currentTime).toBe(12);
    expect(rig.host.argsOf("playback_start")).toHaveLength(1);
    expect(rig.reports().at(-1)).toBe("seeked 12");
  });

  it("steps by frames from the picture that is shown, however old the last word of its clock is", async () => {
    await rig.play();
    rig.video.currentTime = 5;
    rig.video.emit("timeupdate");
    rig.video.currentTime = 5.2;

    rig.player.stepFrame(1);
    expect(rig.video.currentTime).toBeCloseTo(5.2 + 1 / 24);
    rig.player.stepFrame(1);
    expect(rig.video.currentTime, "while the first step is on its way").toBeCloseTo(5.2 + 2 / 24);
  });

  it("starts one new run for a whole movement of the hand", async () => {
    await rig.play();
    for (const secs of [100, 150, 210]) {
      rig.player.seek(secs);
      expect(rig.player.positionSecs, "the bar follows the hand").toBe(secs);
      await vi.advanceTimersByTimeAsync(SEEK_DEBOUNCE_MS - 10);
    }
    expect(rig.host.argsOf("playback_start")).toHaveLength(1);

    await vi.advanceTimersByTimeAsync(20);
    expect(rig.host.argsOf("playback_start").map((args) => args.at_secs)).toEqual([0, 210]);
    expect(rig.source.buffer.spans).toEqual([[210, 230]]);

    rig.video.advanceTo(210.5);
    rig.picture();
    expect(rig.player.positionSecs).toBe(210.5);
    expect(rig.reports().filter((report) => report.startsWith("seeked"))).toEqual(["seeked 210"]);
  });

  it("shows the run of the newest jump when answers come in the wrong order", async () => {
    const answers: (() => void)[] = [];
    await rig.play();
    rig.host.answer({
      playback_start: ({ at_secs }) =>
        new Promise((resolve) =>
          answers.push(() => {
            const path = `/media/at-${at_secs}`;
            rig.startsAt.set(path, at_secs);
            resolve({
              mime: "video/mp4",
              path,
              mode: "remux",
              start_secs: at_secs,
              timestamp_offset_secs: 0,
            });
          }),
        ),
    });
    rig.player.seek(100);
    await vi.advanceTimersByTimeAsync(SEEK_DEBOUNCE_MS);
    rig.player.seek(300);
    await vi.advanceTimersByTimeAsync(SEEK_DEBOUNCE_MS);
    answers[1]?.();
    await settle();
    answers[0]?.();
    await settle();

    expect(rig.player.run?.path).toBe("/media/at-300");
    expect(rig.source.buffer.spans).toEqual([[300, 320]]);
  });

  it("stays inside the film when it jumps", async () => {
    await rig.play();
    rig.player.seekBy(-30);
    expect(rig.player.positionSecs).toBe(0);
    rig.player.seekFraction(1);
    expect(rig.player.positionSecs).toBe(399);
  });

  it("pauses while nothing arrives, and stays paused when it does", async () => {
    await rig.play();
    rig.video.emit("waiting");
    rig.player.togglePlay();
    expect(rig.video.paused).toBe(true);
    expect(rig.player.wantsToPlay).toBe(false);

    await vi.advanceTimersByTimeAsync(SHOW_AFTER_MS * 2);
    expect(rig.player.screen.stall.isShown, "a pause is no stall").toBe(false);
    expect(rig.reports().at(-1)).toBe("paused 0");
    rig.player.togglePlay();
    expect(rig.video.paused).toBe(false);
  });

  it("can be paused before the first picture", async () => {
    rig.player.open({ info_hash: HASH_A });
    rig.player.torrentChanged(HASH_A, resolving());
    rig.player.togglePlay();
    rig.player.torrentChanged(HASH_A, torrent());
    await settle();
    rig.picture();

    expect(rig.player.phase).toBe("ready");
    expect(rig.video.playCount).toBe(0);
  });

  it("shows a line after a second of stall and takes it away when the film flows", async () => {
    await rig.play();
    rig.video.emit("waiting");
    await vi.advanceTimersByTimeAsync(SHOW_AFTER_MS - 1);
    expect(rig.player.screen.stall.isShown).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(rig.player.screen.stall.isShown).toBe(true);
    expect(rig.player.screen.stall.count).toBe(1);

    rig.video.emit("playing");
    expect(rig.player.screen.stall.isShown, "it stays for a second").toBe(true);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(rig.player.screen.stall.isShown).toBe(false);
  });

  it("reports about once a second while the film runs, and only then", async () => {
    await rig.play();
    rig.video.advanceTo(1);
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS);
    rig.video.advanceTo(2);
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS);
    expect(rig.reports()).toEqual(["playing 1", "playing 2"]);

    rig.player.pause();
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS * 3);
    expect(rig.reports()).toEqual(["playing 1", "playing 2", "paused 2"]);
  });

  it("does not let playing reports pile up behind a slow other side", async () => {
    await rig.play();
    rig.host.answer({ playback_report: () => new Promise(() => undefined) });
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS * 5);

    expect(rig.reports()).toHaveLength(1);
  });

  it("reports the end once and starts over on demand", async () => {
    await rig.play();
    rig.video.advanceTo(400);
    rig.video.ended = true;
    rig.video.paused = true;
    rig.video.emit("pause");
    rig.video.emit("ended");
    rig.video.emit("ended");
    expect(rig.player.isEnded).toBe(true);
    expect(rig.reports()).toEqual(["ended 400"]);

    rig.player.togglePlay();
    expect(rig.player.isEnded).toBe(false);
    expect(rig.video.currentTime).toBe(0);
    expect(rig.video.paused).toBe(false);
  });

  it("takes a pause from media keys as the person's wish", async () => {
    await rig.play();
    rig.video.paused = true;
    rig.video.emit("pause");

    expect(rig.player.wantsToPlay).toBe(false);
    expect(rig.reports()).toEqual(["paused 0"]);
  });

  it("says its last word when the page goes, and nothing after it", async () => {
    await rig.play();
    rig.video.advanceTo(7);
    rig.player.close();
    rig.player.close();
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS * 2);

    expect(rig.reports()).toEqual(["closed 7"]);
    expect(rig.host.calls.find((call) => call.name === "playback_report")?.isLastWord).toBe(true);
  });

  it("asks for a press where the view does not let films start by themselves", async () => {
    rig.video.playRejection = new DOMException("press first", "NotAllowedError");
    await rig.open();
    rig.video.emit("loadeddata");
    expect(rig.player.screen.needsGesture).toBe(true);

    rig.video.playRejection = null;
    rig.player.togglePlay();
    expect(rig.player.screen.needsGesture).toBe(false);
    expect(rig.video.paused).toBe(false);
  });

  it("switches the audio track where the film stands", async () => {
    await rig.play();
    rig.video.advanceTo(42);
    rig.player.selectAudio(2);
    await settle();

    expect(rig.host.argsOf("playback_start").at(-1)).toEqual({
      playback_id: "play-1",
      at_secs: 42,
      audio_stream: 2,
    });
  });

  it("opens the film again where it stood when the other side has forgotten it", async () => {
    await rig.play();
    rig.video.advanceTo(15);
    rig.partAnswer = { kind: "gone" };
    rig.player.seek(250);
    await vi.advanceTimersByTimeAsync(SEEK_DEBOUNCE_MS);
    // Forgotten for good: it does not try for ever.
    expect(rig.player.phase).toBe("failed");
    expect(rig.host.argsOf("playback_open")).toHaveLength(4);

    rig.partAnswer = null;
    await rig.player.retry();
    await settle();
    expect(rig.host.argsOf("playback_start").at(-1)?.at_secs).toBe(250);
    expect(rig.player.phase).toBe("starting");
  });

  it("tells of a stream that shows no picture although it has one", async () => {
    await rig.open();
    rig.video.videoWidth = 0;
    rig.video.emit("loadeddata");

    expect(rig.player.phase).toBe("failed");
    expect(rig.player.error?.code).toBe("unreadable_media");
  });

  it("starts with the remembered loudness and remembers the last of many changes", async () => {
    rig.player.settingsArrived({ ...settings, volume: 0.4 });
    expect(rig.video.volume).toBe(0.4);

    rig.player.volume.changeBy(0.05);
    rig.player.volume.changeBy(0.05);
    await vi.advanceTimersByTimeAsync(REMEMBER_VOLUME_AFTER_MS);
    expect(rig.host.argsOf("volume_set")).toEqual([{ volume: 0.5, is_muted: false }]);

    rig.player.settingsArrived({ ...settings, volume: 0.1 });
    expect(rig.video.volume, "its own echo changes nothing").toBe(0.5);
    rig.player.volume.toggleMute();
    expect(rig.video.muted).toBe(true);
  });

  it("begins at the speed of the settings, and follows a new one", async () => {
    const wanted = (default_speed: number) => ({
      ...settings,
      playback: { ...settings.playback, default_speed },
    });
    rig.player.settingsArrived(wanted(1.5));
    await rig.play();
    expect(rig.video.playbackRate).toBe(1.5);

    rig.player.speed.set(2);
    rig.player.settingsArrived(wanted(1.5));
    expect(rig.video.playbackRate, "other news of the settings change nothing").toBe(2);
    rig.player.settingsArrived(wanted(1.25));
    expect(rig.video.playbackRate).toBe(1.25);
  });

  it("changes the speed in steps and back to normal", async () => {
    await rig.play();
    rig.player.speed.step(1);
    rig.player.speed.step(1);
    expect(rig.video.playbackRate).toBe(1.5);
    rig.player.speed.step(-1);
    expect(rig.player.speed.rate).toBe(1.25);
    rig.player.speed.set(1);
    expect(rig.video.playbackRate).toBe(1);
  });
});
