import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, HASH_B, info, resolving, snapshot, stats, torrent } from "../../test/samples";
import PlayerPage from "./PlayerPage.svelte";

describe("the player page", () => {
  let host: FakeHost;

  beforeEach(() => {
    HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
      this.open = true;
    };
    host = new FakeHost({
      app_info: () => info,
      playback_open: () => new Promise(() => undefined),
      playback_report: () => undefined,
      torrent_retry: () => resolving(),
      volume_set: () => undefined,
    });
  });
  afterEach(cleanup);

  function show() {
    return render(PlayerPage, {
      page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() },
    });
  }

  const press = (key: string) => fireEvent.keyDown(document.body, { key });

  it("says where it stands, with numbers, until there is a picture", async () => {
    host.target = { info_hash: HASH_A };
    show();
    expect(screen.getByText("Opening")).toBeTruthy();

    host.send(snapshot({ torrents: [resolving()], stats: [stats({ known_peers: 14 })] }));
    expect(await screen.findByText("Looking for peers (14)")).toBeTruthy();
    expect(screen.getByText("0 s")).toBeTruthy();

    host.send({ type: "torrent_changed", revision: 11, torrent: torrent() });
    host.send({ type: "stats_changed", stats: [stats({ known_peers: 14, connected_peers: 3 })] });
    expect(await screen.findByText("Connecting (3 of 14)")).toBeTruthy();
    await waitFor(() => expect(host.argsOf("playback_open")).toHaveLength(1));
    expect(host.title).toBe("River – Freshet");
  });

  it("learns from the events what to play where the address says nothing", async () => {
    show();
    host.send(snapshot({ torrents: [torrent(), torrent({ info_hash: HASH_B, title: "Lake" })] }));
    expect(await screen.findByText(/Nothing to play yet/)).toBeTruthy();

    host.send({ type: "player_target_changed", target: { info_hash: HASH_A, file_index: 2 } });
    await waitFor(() => expect(host.argsOf("playback_open")[0]).toMatchObject({ file_index: 2 }));
    host.send({ type: "player_target_changed", target: { info_hash: HASH_B } });
    await waitFor(() => expect(host.argsOf("playback_open")[1]?.info_hash).toBe(HASH_B));
    expect(host.title).toBe("Lake – Freshet");
  });

  it("does not start a film over when it is chosen once more", async () => {
    show();
    host.send(snapshot({ torrents: [torrent()], player_target: { info_hash: HASH_A } }));
    await waitFor(() => expect(host.argsOf("playback_open")).toHaveLength(1));
    host.send({ type: "player_target_changed", target: { info_hash: HASH_A } });
    await screen.findByText("Opening");

    expect(host.argsOf("playback_open")).toHaveLength(1);
  });

  it("says why it can't play, and tries again on demand", async () => {
    host.answer({
      playback_open: () => {
        throw new CallError({ code: "ffmpeg_missing", message: "no program called ffmpeg" });
      },
    });
    host.target = { info_hash: HASH_A };
    show();
    host.send(snapshot({ torrents: [torrent()] }));

    const alert = await screen.findByRole("alert");
    expect(alert.textContent).toContain("The player needs ffmpeg");
    expect(within(alert).getByText("no program called ffmpeg")).toBeTruthy();
    await fireEvent.click(within(alert).getByRole("button", { name: "Try again" }));
    await waitFor(() => expect(host.argsOf("playback_open")).toHaveLength(2));
  });

  it("answers to keys while nothing has arrived yet", async () => {
    host.target = { info_hash: HASH_A };
    show();
    host.send(snapshot({ torrents: [resolving()] }));
    await screen.findByText(/Looking for peers/);

    await press(" ");
    expect(screen.getByRole("button", { name: "Play" })).toBeTruthy();
    await press("k");
    expect(screen.getByRole("button", { name: "Pause" })).toBeTruthy();
    await press("m");
    expect(screen.getByRole("button", { name: "Unmute" })).toBeTruthy();
    await press("i");
    expect(screen.getByRole("region", { name: "Statistics" })).toBeTruthy();
  });

  it("leaves help, then full screen, then itself with Esc", async () => {
    host.target = { info_hash: HASH_A };
    show();
    host.send(snapshot({ torrents: [resolving()] }));
    await press("f");
    expect(await screen.findByRole("button", { name: "Leave full screen" })).toBeTruthy();
    await press("?");
    expect(await screen.findByRole("dialog", { name: "Keyboard shortcuts" })).toBeTruthy();

    await press("Escape");
    expect(screen.queryByRole("dialog")).toBeNull();
    expect(host.fullscreen).toBe(true);
    await press("Escape");
    expect(host.fullscreen).toBe(false);
    expect(host.closedCount).toBe(0);
    await press("Escape");
    expect(host.closedCount).toBe(1);
  });

  it("tells when the other side can't be heard", async () => {
    host.target = { info_hash: HASH_A };
    show();
    host.send(snapshot({ torrents: [resolving()] }));
    host.sendConnection(false);

    expect((await screen.findByRole("alert")).textContent).toContain("can't be reached");
  });
});
