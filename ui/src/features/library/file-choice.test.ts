import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, info, resolving, settings, snapshot, torrent } from "../../test/samples";
import MainWindow from "../app/MainWindow.svelte";

const MAGNET = `magnet:?xt=urn:btih:${HASH_A}`;
const season = torrent({ file_count: 3, playable_count: 2, play_target: 0 });

describe("the choice of files of what was just added", () => {
  let host: FakeHost;

  beforeEach(() => {
    localStorage.clear();
    location.hash = "";
    Element.prototype.animate ??= () =>
      ({ cancel: () => undefined, finished: Promise.resolve() }) as unknown as Animation;
    host = new FakeHost({
      app_info: () => info,
      torrent_add: () => ({ torrent: resolving(), is_new: true }),
      torrent_edit: () => season,
      settings_update: () => settings,
      torrent_detail: () => ({
        summary: season,
        name: "River",
        is_private: false,
        magnet: MAGNET,
        files: [
          { index: 0, path: "S1/e1.mkv", length_bytes: 1_000_000, kind: "video", torrserver_id: 1 },
          { index: 1, path: "S1/e2.mkv", length_bytes: 3_000_000, kind: "video", torrserver_id: 2 },
          { index: 2, path: "readme.txt", length_bytes: 10, kind: "other", torrserver_id: 3 },
        ],
      }),
    });
    render(MainWindow, { page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() } });
    host.send(snapshot({ torrents: [resolving()] }));
  });
  afterEach(cleanup);

  const submit = async () => {
    const field = await screen.findByRole("textbox", { name: /Magnet link/ });
    await fireEvent.input(field, { target: { value: MAGNET } });
    const form = field.closest("form");
    if (form === null) throw new Error("the field stands alone");
    await fireEvent.submit(form);
  };
  const choose = async () => {
    await submit();
    await fireEvent.click(await screen.findByRole("button", { name: "Choose files…" }));
    return within(await screen.findByRole("dialog"));
  };

  it("plays at once all the same, and waits for the list", async () => {
    const dialog = await choose();
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A }]);
    expect(dialog.getByText(/The list of files appears/)).toBeTruthy();
    expect(dialog.queryByRole("button", { name: "Play this one" })).toBeNull();

    host.send(snapshot({ torrents: [season] }));
    expect(await dialog.findByRole("radio", { name: /e1\.mkv/ })).toHaveProperty("checked", true);
    expect(host.argsOf("torrent_detail")).toEqual([{ info_hash: HASH_A }]);
  });

  it("plays the file that is chosen, and closes", async () => {
    host.send(snapshot({ torrents: [season] }));
    const dialog = await choose();
    await fireEvent.click(await dialog.findByRole("radio", { name: /e2\.mkv/ }));
    await fireEvent.click(dialog.getByRole("button", { name: "Play this one" }));

    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A }, { info_hash: HASH_A, file_index: 1 }]);
  });

  it("keeps the torrent, and says why it could not", async () => {
    host.send(snapshot({ torrents: [season] }));
    const dialog = await choose();
    const keep = await dialog.findByRole("switch", { name: "Keep" });
    await fireEvent.click(keep);
    expect(host.argsOf("torrent_edit")).toEqual([{ info_hash: HASH_A, is_kept: true }]);

    host.answer({
      torrent_edit: () => {
        throw new CallError({ code: "store_failed", message: "disk I/O error" });
      },
    });
    await fireEvent.click(keep);
    expect((await dialog.findByRole("alert")).textContent).toBe(
      "The library could not save this. Nothing was changed.",
    );
  });

  it("goes with the torrent that was taken back", async () => {
    host.send(snapshot({ torrents: [season] }));
    await choose();
    host.send(snapshot({ torrents: [] }));
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  });

  it("is not offered where there is one file", async () => {
    host.answer({ torrent_add: () => ({ torrent: torrent(), is_new: true }) });
    await submit();
    await screen.findByText("Added “River”");
    expect(screen.queryByRole("button", { name: "Choose files…" })).toBeNull();
  });
});
