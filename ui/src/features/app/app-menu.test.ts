import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { Shell } from "../../lib/host/bindings";
import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, info, mark, settings, snapshot, stats, torrent } from "../../test/samples";
import MainWindow from "./MainWindow.svelte";

describe("the menu of a window without a tray", () => {
  let host: FakeHost;
  const shared = { ...settings, network: { ...settings.network, lan_enabled: true } };

  beforeEach(() => {
    localStorage.clear();
    location.hash = "";
    Element.prototype.animate ??= () =>
      ({ cancel: () => undefined, finished: Promise.resolve() }) as unknown as Animation;
    Element.prototype.scrollIntoView ??= () => undefined;
  });
  afterEach(cleanup);

  const start = (shell: Shell | null) => {
    host = new FakeHost({
      app_info: () => ({ ...info, shell }),
      settings_update: () => settings,
      transfers_pause: () => undefined,
    });
    render(MainWindow, { page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() } });
    host.send(snapshot({ torrents: [torrent()] }));
  };
  const withoutTray = { has_tray: false, can_start_at_login: true, can_open_links: true };
  const press = async (role: string, name: string | RegExp) => {
    await fireEvent.click(await screen.findByRole("button", { name: "Menu" }));
    await fireEvent.click(screen.getByRole(role, { name }));
  };

  it.each([
    ["in a window with a tray", { has_tray: true, can_start_at_login: true, can_open_links: true }],
    ["in a browser", null],
  ])("is not there %s", async (_where, shell) => {
    start(shell);
    await screen.findByRole("heading", { name: "River" });
    await waitFor(() => expect(host.argsOf("app_info")).toHaveLength(1));
    expect(screen.queryByRole("button", { name: "Menu" })).toBeNull();
  });

  it("says how fast it is, and goes on with what was left last", async () => {
    start(withoutTray);
    host.send(
      snapshot({
        torrents: [torrent()],
        marks: [{ info_hash: HASH_A, marks: [mark({ file_index: 2, position_secs: 60 })] }],
        stats: [stats({ down_bytes_per_sec: 4_100_000, up_bytes_per_sec: 300_000, connected_peers: 12 })],
      }),
    );
    await fireEvent.click(await screen.findByRole("button", { name: "Menu" }));
    const line = screen.getByRole("menuitem", { name: "↓ 4.1\u00a0MB/s ↑ 300\u00a0kB/s · peers: 12" });
    expect(line).toHaveProperty("disabled", true);
    const next = screen.getByRole("menuitem", { name: "Continue: River (1:00)" });
    expect(document.activeElement).toBe(next);
    await fireEvent.click(next);
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A, file_index: 2 }]);
    expect(screen.queryByRole("menu")).toBeNull();
  });

  it("has the switches of the tray, as they stand", async () => {
    start(withoutTray);
    await press("menuitemcheckbox", "Pause all transfers");
    expect(host.argsOf("transfers_pause")).toEqual([{ paused: true }]);
    host.send({ type: "transfers_paused", paused: true });
    await press("menuitemcheckbox", "Slow mode");
    expect(host.argsOf("settings_update")).toEqual([{ slow: { is_on: true } }]);
    await fireEvent.click(screen.getByRole("button", { name: "Menu" }));
    const [pause, slow] = screen.getAllByRole("menuitemcheckbox");
    expect(pause?.getAttribute("aria-checked")).toBe("true");
    expect(slow?.getAttribute("aria-checked")).toBe("false");
    expect(screen.getByRole("menuitem", { name: "Nothing to continue" })).toHaveProperty("disabled", true);
  });

  it("leads to the password when the network is let in without one", async () => {
    start(withoutTray);
    await press("menuitemcheckbox", "Share with my network");
    expect(host.argsOf("settings_update")).toEqual([{ network: { lan_enabled: true } }]);
    expect(location.hash).toBe("#/settings/devices");
  });

  it("copies the address while the network is let in", async () => {
    start(withoutTray);
    const network = {
      urls: ["http://192.168.1.5:8090"],
      https_urls: [],
      certificate_sha256: null,
      problem: null,
    };
    host.send(snapshot({ settings: shared, network }));
    await press("menuitem", "Copy http://192.168.1.5:8090");
    expect(host.copiedTexts).toEqual(["http://192.168.1.5:8090"]);
  });

  it("says why something could not be done", async () => {
    start(withoutTray);
    host.answer({
      settings_update: () => {
        throw new CallError({ code: "store_failed", message: "disk I/O error" });
      },
    });
    await press("menuitemcheckbox", "Slow mode");
    expect(await screen.findByText("The library could not save this. Nothing was changed.")).toBeTruthy();
  });
});
