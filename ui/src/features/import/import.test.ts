import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { ImportPreview } from "../../lib/host/bindings";
import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, HASH_B, info, settings, snapshot } from "../../test/samples";
import MainWindow from "../app/MainWindow.svelte";
import { leftOutLines, settingLine, settingValue } from "./import-words";

const there = { category: "", poster: "", file_count: null };
const PREVIEW: ImportPreview = {
  version: "MatriX.145",
  torrents: [
    { ...there, info_hash: HASH_A, title: "River", total_bytes: 2_000_000_000, is_here: false },
    { ...there, info_hash: HASH_B, title: "Sea", total_bytes: 0, is_here: true },
  ],
  viewed_count: 7,
  position_count: 3,
  settings: [
    { key: "download_limit", current: 0, proposed: 1_024_000 },
    { key: "friendly_name", current: "", proposed: "den" },
  ],
  left_out: [
    { reason: "opens_network", subject: "EnableDLNA" },
    { reason: "opens_network", subject: "SslPort" },
    { reason: "unreadable_torrents", subject: "2" },
  ],
};

describe("moving in from TorrServer", () => {
  let host: FakeHost;

  beforeEach(() => {
    localStorage.clear();
    location.hash = "#/import";
    host = new FakeHost({
      app_info: () => info,
      import_preview: () => PREVIEW,
      import_run: () => ({
        added: 1,
        completed: 0,
        unchanged: 1,
        marks: 7,
        settings: ["download_limit"],
        left_out: [{ reason: "ids_unknown", subject: "1" }],
      }),
    });
    render(MainWindow, { page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() } });
    host.send(snapshot({ settings }));
  });
  afterEach(cleanup);

  const look = async (url: string) => {
    const field = await screen.findByRole("textbox", { name: "Address of the server" });
    await fireEvent.input(field, { target: { value: url } });
    await fireEvent.click(screen.getByRole("button", { name: "Look" }));
  };

  it("shows what is there, and changes nothing by that", async () => {
    await look(" nas:8090 ");
    expect(document.activeElement).toBe(await screen.findByRole("heading", { name: "What MatriX.145 has" }));
    expect(host.argsOf("import_preview")).toEqual([{ url: "nas:8090" }]);
    expect(screen.getByRole("checkbox", { name: /^2 torrents/ })).toHaveProperty("checked", true);
    expect(screen.getByText("1 of them is in your library already and stays as it is.")).toBeTruthy();
    expect(screen.getByRole("checkbox", { name: /^7 viewed marks/ })).toHaveProperty("checked", true);
    const limit = screen.getByRole("checkbox", { name: "Download limit: no limit → 1\u00a0MB/s" });
    expect(limit).toHaveProperty("checked", false);
    const left = screen.getByRole("heading", { name: "What does not come over" }).parentElement;
    expect(
      within(left ?? document.body)
        .getAllByRole("listitem")
        .map((line) => line.textContent),
    ).toEqual([
      "It would open a door to the network, which only you do, in the settings: EnableDLNA, SslPort.",
      "2 torrents that can't be read.",
    ]);
    expect(host.argsOf("import_run")).toEqual([]);
  });

  it("takes over what is chosen, from where it was seen, and says what came", async () => {
    await look("nas:8090");
    await fireEvent.click(await screen.findByRole("checkbox", { name: /^Download limit/ }));
    await fireEvent.click(screen.getByRole("checkbox", { name: /^7 viewed marks/ }));
    await fireEvent.input(screen.getByRole("textbox", { name: "Address of the server" }), {
      target: { value: "elsewhere" },
    });
    await fireEvent.click(screen.getByRole("button", { name: "Take over" }));

    await screen.findByRole("heading", { name: "Done" });
    expect(host.argsOf("import_run")).toEqual([
      { url: "nas:8090", what: { torrents: true, marks: false, settings: ["download_limit"] } },
    ]);
    for (const line of [
      "1 torrent added",
      "1 torrent was here already",
      "7 viewed marks taken over",
      "1 setting changed",
      "The file numbers of 1 torrent: the server did not tell them, so it gets ours.",
    ])
      expect(screen.getByText(line)).toBeTruthy();
    expect(screen.queryByText(/got what/)).toBeNull();
  });

  it("has nothing to do where nothing is chosen", async () => {
    await look("nas:8090");
    const run = await screen.findByRole("button", { name: "Take over" });
    await fireEvent.click(screen.getByRole("checkbox", { name: /torrents/ }));
    expect(run).toHaveProperty("disabled", false);
    await fireEvent.click(screen.getByRole("checkbox", { name: /viewed marks/ }));
    expect(run).toHaveProperty("disabled", true);
  });

  it("says why nothing could be read, and what was seen before is gone", async () => {
    await look("nas:8090");
    await screen.findByRole("heading", { name: /MatriX/ });
    host.answer({
      import_preview: () => {
        throw new CallError({ code: "fetch_failed", message: "nas answers, but it is no TorrServer" });
      },
    });
    await look("nas:80");
    expect((await screen.findByRole("alert")).textContent).toBe(
      "Nothing could be read: nas answers, but it is no TorrServer.",
    );
    expect(screen.queryByRole("button", { name: "Take over" })).toBeNull();
  });

  it("is found in the settings", async () => {
    location.hash = "#/settings";
    const row = await waitFor(() => {
      const found = document.querySelector<HTMLElement>("[data-row=moveIn]");
      if (found === null) throw new Error("no row");
      return found;
    });
    await fireEvent.click(within(row).getByRole("button", { name: "Choose…" }));
    expect(await screen.findByRole("heading", { name: "Move in from TorrServer", level: 1 })).toBeTruthy();
  });
});

describe("the words of the import", () => {
  const i18n = new I18n(["en"]);

  it.each([
    ["upload_limit", 0, "no limit"],
    ["upload_limit", "many", null],
    ["preload", 32_000_000, "32\u00a0MB"],
    ["idle_timeout", 300, "5 minutes"],
    ["client_positions", false, "off"],
    ["friendly_name", "", "none"],
    ["search", { enabled: true, services: ["Jackett", "", 7] }, "on, Jackett"],
    ["search", null, null],
    ["transfers", { dht_enabled: false }, null],
  ] as const)("say %s of %j as %s", (key, value, text) => {
    expect(settingValue(key, value, i18n)).toBe(text);
  });

  it("name a setting alone where its values say nothing", () => {
    expect(settingLine({ key: "transfers", current: {}, proposed: { pex: false } }, i18n)).toBe(
      "How peers are found and spoken to",
    );
    expect(leftOutLines([{ reason: "no_settings", subject: "" }], i18n)).toEqual([
      "Its settings: the server does not tell them.",
    ]);
  });
});
