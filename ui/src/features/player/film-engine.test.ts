import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import type { FilmEvent, FilmRequest } from "../../lib/host/film-window";
import { settle } from "../../test/fake-media";
import { HASH_A, info, ticket, torrent } from "../../test/samples";
import type { FilmPort } from "./film-engine";
import { FilmEngine } from "./film-engine";
import { PlayerController, REPORT_EVERY_MS } from "./player-controller.svelte";

/** The player process: what it was asked, and what the test lets it say. */
class FakeFilm implements FilmPort {
  readonly asked: FilmRequest[] = [];
  isFileThere = true;
  #listener: ((event: FilmEvent) => void) | null = null;

  ask(request: FilmRequest): void {
    this.asked.push(request);
  }

  isThere(): Promise<boolean> {
    return Promise.resolve(this.isFileThere);
  }

  onFilmEvent(listener: (event: FilmEvent) => void): () => void {
    this.#listener = listener;
    return () => (this.#listener = null);
  }

  say(...events: FilmEvent[]): void {
    events.forEach((event) => this.#listener?.(event));
  }

  property(name: string, value: unknown): void {
    this.say({ kind: "property", name, value: typeof value === "string" ? value : JSON.stringify(value) });
  }

  askedOf<K extends FilmRequest["kind"]>(kind: K): FilmRequest[] {
    return this.asked.filter((request) => request.kind === kind);
  }
}

const TRACKS = [
  { id: 1, type: "video", selected: true, "ff-index": 0 },
  { id: 1, type: "audio", selected: true, "ff-index": 1 },
  { id: 2, type: "audio", "ff-index": 2 },
];

describe("the film below the page", () => {
  let film: FakeFilm;
  let host: FakeHost;
  let player: PlayerController;
  let video: HTMLVideoElement;
  let leave: () => void;
  let opened: Parameters<typeof ticket>[0];

  beforeEach(() => {
    vi.useFakeTimers();
    opened = {};
    film = new FakeFilm();
    host = new FakeHost({
      app_info: () => info,
      playback_open: () => ticket(opened),
      playback_report: () => undefined,
      volume_set: () => undefined,
    });
    const engine = new FilmEngine(film);
    player = new PlayerController(host, {
      engine,
      canPlayType: () => true,
      openMediaSource: () => Promise.reject(new Error("there is no media source")),
      fetchPart: () => Promise.reject(new Error("there are no parts")),
    });
    video = document.createElement("video");
    const stops = [engine.attach(video), player.attach(video)];
    leave = () => stops.reverse().forEach((stop) => stop());
  });
  afterEach(() => {
    leave();
    vi.useRealTimers();
  });

  async function open(): Promise<void> {
    player.open({ info_hash: HASH_A });
    player.torrentChanged(HASH_A, torrent());
    await settle();
  }

  function shows(atSecs = 0): void {
    film.property("track-list", TRACKS);
    film.say({ kind: "file_loaded" });
    film.property("video-params", { w: 426, h: 240 });
    film.say({ kind: "restart" });
    film.property("time-pos", String(atSecs));
  }

  const reports = () =>
    host.argsOf("playback_report").map(({ kind, position_secs }) => [kind, position_secs]);

  it("loads the file of the playback where it was left, and is ready with its picture", async () => {
    opened = { resume_at_secs: 300 };
    await open();
    expect(film.askedOf("load")).toEqual([{ kind: "load", path: "/media/play-1/file", start_secs: 300 }]);
    expect(film.asked.at(-1)).toEqual({ kind: "pause", is_paused: false });
    expect([player.phase, player.positionSecs]).toEqual(["starting", 300]);
    expect(host.argsOf("playback_start")).toEqual([]);

    shows(300);
    expect(player.phase).toBe("ready");
    expect(video.videoWidth).toBe(426);
    await vi.advanceTimersByTimeAsync(REPORT_EVERY_MS);
    expect(reports()[0]?.[0]).toBe("playing");
  });

  it("goes on from where another player was just now", async () => {
    opened = { resume_at_secs: 300 };
    player.open({ info_hash: HASH_A }, 12.5);
    player.torrentChanged(HASH_A, torrent());
    await settle();
    expect(film.askedOf("load")[0]).toMatchObject({ start_secs: 12.5 });
  });

  it("waits for the size of the picture where there is one", async () => {
    await open();
    film.property("track-list", TRACKS);
    film.say({ kind: "file_loaded" }, { kind: "restart" });
    expect(player.phase).toBe("starting");
    film.property("video-params", { w: 1, h: 1 });
    expect(player.phase).toBe("ready");
  });

  it("jumps at once, and its time is where it was told to go until it is there", async () => {
    await open();
    shows();
    player.seek(200);
    expect(film.askedOf("seek")).toEqual([{ kind: "seek", secs: 200, is_exact: true }]);
    film.property("time-pos", "0.3");
    expect(player.positionSecs).toBe(200);
    film.say({ kind: "restart" });
    film.property("time-pos", "200.1");
    expect(video.seeking).toBe(false);
    expect(player.positionSecs).toBeCloseTo(200.1);
  });

  it("finds an audio track by its place in the file, whatever number libmpv gave it", async () => {
    await open();
    expect(film.askedOf("audio")).toEqual([{ kind: "audio", id: 1 }]);
    shows();
    film.property("track-list", [
      { id: 1, type: "audio", "ff-index": 2 },
      { id: 2, type: "audio", "ff-index": 1 },
    ]);
    expect(player.nextAudio()?.stream_index).toBe(2);
    expect(film.asked.at(-1)).toEqual({ kind: "audio", id: 1 });
    expect(film.askedOf("load").length, "nothing is loaded anew").toBe(1);
  });

  it("tells a dry film from one that is paused", async () => {
    await open();
    shows();
    film.property("paused-for-cache", "yes");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(player.screen.stall.isShown).toBe(true);
    film.property("paused-for-cache", "no");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(player.screen.stall.isShown).toBe(false);
    expect(player.wantsToPlay).toBe(true);

    player.pause();
    expect(film.asked.at(-1)).toEqual({ kind: "pause", is_paused: true });
    expect(video.paused).toBe(true);
    player.play();
    expect(film.asked.at(-1)).toEqual({ kind: "pause", is_paused: false });
  });

  it("ends, and begins again", async () => {
    await open();
    shows(398);
    film.property("eof-reached", "yes");
    expect(player.isEnded).toBe(true);
    expect(reports().at(-1)?.[0]).toBe("ended");
    player.togglePlay();
    expect(film.asked.at(-1)).toEqual({ kind: "seek", secs: 0, is_exact: true });
    expect(player.isEnded).toBe(false);
  });

  it("opens a playback again that the other side has forgotten, and says what else went wrong", async () => {
    await open();
    shows();
    film.property("time-pos", "50");
    film.isFileThere = false;
    film.say({ kind: "end", error: "loading failed" });
    await settle();
    expect(host.argsOf("playback_open").length).toBe(2);
    expect(film.askedOf("load")[1]).toMatchObject({ start_secs: 50 });

    film.isFileThere = true;
    film.say({ kind: "end", error: "unrecognized file format" });
    await settle();
    expect(player.error).toEqual({ code: "unreadable_media", message: "unrecognized file format" });
  });

  it("shows of the next film nothing that was said of the last one", async () => {
    await open();
    shows(100);
    film.asked.length = 0;
    player.open({ info_hash: HASH_A, file_index: 1 });
    expect(film.askedOf("stop").length).toBe(1);
    player.torrentChanged(HASH_A, torrent());
    await settle();
    expect([player.phase, player.positionSecs, video.videoWidth]).toEqual(["starting", 0, 0]);
  });

  it("gives the video back as it was", () => {
    leave();
    expect(Object.keys(Object.getOwnPropertyDescriptors(video))).not.toContain("currentTime");
    leave = () => undefined;
  });

  it("takes sound from a file beside the film when the film is open, and only once", async () => {
    const path = "/media/one/sound-2";
    const inside = { kind: "audio" as const, codec: "aac", mime_codec: null, language: "en", title: null };
    opened = {
      tracks: [
        { ...inside, stream_index: 1 },
        { ...inside, stream_index: 16777218, file_path: path },
      ],
    };
    await open();
    film.say({ kind: "file_loaded" });
    film.property("track-list", TRACKS);
    player.selectAudio(16777218);
    await settle();
    expect(film.askedOf("audio_file")).toEqual([{ kind: "audio_file", path }]);

    const external = { id: 3, type: "audio", "ff-index": 1, external: true, selected: true };
    film.property("track-list", [
      ...TRACKS,
      { ...external, "external-filename": `http://127.0.0.1:1${path}` },
    ]);
    player.selectAudio(1);
    player.selectAudio(16777218);
    await settle();

    expect(film.askedOf("audio_file")).toHaveLength(1);
    expect(film.askedOf("audio").slice(-2)).toEqual([
      { kind: "audio", id: 1 },
      { kind: "audio", id: 3 },
    ]);
  });
});
