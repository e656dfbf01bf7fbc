import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { info, settings, snapshot, torrent } from "../../test/samples";
import MainWindow from "../app/MainWindow.svelte";

describe("the first screen", () => {
  let host: FakeHost;
  const fresh = { ...settings, is_welcomed: false };

  beforeEach(() => {
    localStorage.clear();
    location.hash = "";
    host = new FakeHost({
      app_info: () => ({
        ...info,
        shell: { has_tray: false, can_start_at_login: true, can_open_links: true },
      }),
      storage_info: () => ({
        folder: "/data/pieces",
        used_bytes: 0,
        budget_bytes: 20_000_000_000,
        free_bytes: 4_000_000_000,
      }),
      settings_update: (patch) => ({ ...settings, ...patch }) as typeof settings,
    });
    render(MainWindow, { page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() } });
  });
  afterEach(cleanup);

  it("asks, warns of a full disk, and is left by its button", async () => {
    host.send(snapshot({ settings: fresh }));
    await fireEvent.click(await screen.findByRole("switch", { name: "Start when I log in" }));
    await fireEvent.click(screen.getByRole("switch", { name: "Let devices of my network watch" }));
    expect((await screen.findByText(/4\sGB are free/)).className).toContain("yellow");
    await fireEvent.click(screen.getByRole("button", { name: "Start" }));

    expect(host.argsOf("settings_update")).toEqual([
      { desktop: { start_at_login: true } },
      { network: { lan_enabled: true } },
      { is_welcomed: true },
    ]);
  });

  it("is left with the first torrent", async () => {
    host.send(snapshot({ settings: fresh, torrents: [torrent()] }));
    await waitFor(() => expect(host.argsOf("settings_update")).toEqual([{ is_welcomed: true }]));
    expect(screen.queryByRole("button", { name: "Start" })).toBeNull();
  });

  it("is for the person at the computer alone", async () => {
    host.answer({
      storage_info: () => {
        throw new CallError({ code: "forbidden", message: "a page on another device" });
      },
    });
    host.send(snapshot({ settings: fresh, torrents: [] }));
    expect(await screen.findByRole("heading", { name: "What would you like to watch?" })).toBeTruthy();
    expect(screen.queryByRole("button", { name: "Start" })).toBeNull();
    expect(host.argsOf("settings_update")).toEqual([]);
  });
});
