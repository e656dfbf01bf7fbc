import { beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { FakeMediaSource, FakeVideo, settle } from "../../test/fake-media";
import { HASH_A, info, settings, ticket, torrent } from "../../test/samples";
import { PlayerController } from "./player-controller.svelte";
import { PlayerView } from "./player-view.svelte";

describe("what keys and buttons do", () => {
  let host: FakeHost;
  let player: PlayerController;
  let view: PlayerView;

  beforeEach(async () => {
    host = new FakeHost({
      app_info: () => info,
      playback_open: () =>
        ticket({
          file_index: 1,
          previous_file: { info_hash: HASH_A, file_index: 0, file_name: "e1.mkv" },
          chapters: [
            { start_secs: 0, end_secs: 90, title: "Opening", kind: "intro" },
            { start_secs: 90, end_secs: 400, title: null, kind: "part" },
          ],
        }),
      playback_start: ({ at_secs }) => ({
        mime: "video/mp4",
        path: "/media/1",
        mode: "remux",
        start_secs: at_secs,
        timestamp_offset_secs: 0,
      }),
      playback_report: () => undefined,
      players_list: () => ({ players: [{ id: "mpv", name: "mpv" }] }),
      player_open: () => undefined,
      volume_set: () => undefined,
    });
    const source = new FakeMediaSource();
    const video = new FakeVideo(() => source.buffer.spans);
    player = new PlayerController(host, {
      canPlayType: () => true,
      openMediaSource: () => Promise.resolve(source.asMediaSource()),
      fetchPart: () => new Promise(() => undefined),
    });
    player.attach(video.asVideo());
    view = new PlayerView(host, player, new I18n(["en"]), {
      saveScreenshot: (_, name) => Promise.resolve(`${name}.png`),
    });
    player.open({ info_hash: HASH_A });
    player.torrentChanged(HASH_A, torrent());
    await settle();
  });

  it("jumps farther while an arrow is held", () => {
    view.perform({ kind: "seek_by", secs: 5, grows: true });
    expect(player.positionSecs).toBe(5);
    view.perform({ kind: "seek_by", secs: 5, grows: true }, 8);
    expect(player.positionSecs).toBe(15);
    view.perform({ kind: "seek_by", secs: -5, grows: true }, 8);
    expect(player.positionSecs).toBe(5);
  });

  it("goes through chapters, and says where there are no more", () => {
    view.perform({ kind: "chapter_step", direction: 1 });
    expect(player.positionSecs).toBe(90);
    view.perform({ kind: "chapter_step", direction: 1 });
    expect(view.osd.text).toBe("There is no other chapter");
  });

  it("skips to the end of the opening", () => {
    view.followChapters(player.ticket?.chapters ?? [], 0.2);
    view.perform({ kind: "skip" });
    expect(player.positionSecs).toBe(90);
  });

  it("skips the opening by itself, or never, as the settings say", () => {
    const wanted = (skip_mode: "automatic" | "never") =>
      view.settingsArrived({ ...settings, playback: { ...settings.playback, skip_mode } });
    wanted("never");
    view.followChapters(player.ticket?.chapters ?? [], 0);
    expect(view.skip.chapter).toBeNull();
    wanted("automatic");
    view.followChapters(player.ticket?.chapters ?? [], 0.4);
    expect(player.positionSecs).toBe(90);
  });

  it("asks for the file before, and says that this is the last", () => {
    view.perform({ kind: "file_step", direction: 1 });
    expect(view.osd.text).toBe("This is the last file");
    view.perform({ kind: "file_step", direction: -1 });
    expect(host.target).toEqual({ info_hash: HASH_A, file_index: 0 });
  });

  it("takes the next audio track, and after the last the first", () => {
    view.perform({ kind: "next_audio" });
    expect(player.audio.stream).toBe(2);
    expect(view.osd.text).toBe("Russian · AC3");
    view.perform({ kind: "next_audio" });
    expect(player.audio.stream).toBe(1);
  });

  it("shrinks the window, which Esc undoes before it leaves", async () => {
    view.perform({ kind: "toggle_mini" });
    await settle();
    expect([host.mini, view.isMini, view.isOnTop]).toEqual([true, true, true]);
    view.perform({ kind: "escape" });
    await settle();
    expect(host.mini).toBe(false);
    expect(host.closedCount).toBe(0);
    view.perform({ kind: "escape" });
    expect(host.closedCount).toBe(1);
  });

  it("keeps the window on top until told again", async () => {
    view.perform({ kind: "toggle_on_top" });
    await settle();
    expect(host.alwaysOnTop).toBe(true);
    expect(view.osd.text).toBe("Stays on top");
  });

  it("says under which name a picture was saved", async () => {
    view.video = document.createElement("video");
    view.perform({ kind: "screenshot" });
    await settle();
    expect(view.osd.text).toBe("Saved: river.mkv.png");
  });

  it("stops and goes to the library with Q", () => {
    view.perform({ kind: "leave" });
    expect(host.closedCount).toBe(1);
    expect(host.argsOf("playback_report").at(-1)?.kind).toBe("closed");
  });

  it("lets a film go on in another player, from where it stands", async () => {
    await view.others.look();
    view.perform({ kind: "seek_by", secs: 5, grows: false });
    view.openIn("mpv");
    await settle();
    expect(player.wantsToPlay).toBe(false);
    expect(host.argsOf("player_open")).toEqual([
      { player: "mpv", playback_id: player.ticket?.playback_id, position_secs: 5 },
    ]);
    expect(view.osd.text).toBe("Goes on in mpv");

    host.answer({
      player_open: () => {
        throw new Error("gone");
      },
    });
    view.openIn("mpv");
    await settle();
    expect(view.osd.text).toBe("mpv could not be started");
  });
});
