import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, info, settings, snapshot, torrent } from "../../test/samples";
import SettingsHarness from "../../test/SettingsPage.svelte";

describe("the settings", () => {
  let host: FakeHost;
  let toasts: Toasts;

  beforeEach(() => {
    Element.prototype.scrollIntoView ??= () => undefined;
    host = new FakeHost({
      network_interfaces: () => [
        { name: "eth0", addresses: ["fe80::1", "192.168.1.2"] },
        { name: "wg0", addresses: ["10.8.0.2"] },
      ],
      storage_info: () => ({
        folder: "/data/pieces",
        used_bytes: 3_000_000_000,
        budget_bytes: 20_000_000_000,
        free_bytes: 82_000_000_000,
      }),
      settings_update: (patch) => ({ ...settings, ...patch }) as typeof settings,
      settings_reset: () => settings,
      transfers_pause: () => undefined,
      password_set: () => undefined,
      device_add: ({ name }) => ({ device: { id: 3, name, added_at_secs: 5 }, token: "s3cret" }),
      device_remove: () => undefined,
      viewer_kick: () => undefined,
      qr_code: () => ({ rows: ["10", "01"] }),
    });
    const app = new AppState();
    app.follow(host);
    toasts = new Toasts();
    render(SettingsHarness, { page: { host, app, i18n: new I18n(["en"]), toasts }, info });
    host.send(snapshot());
  });
  afterEach(cleanup);

  const row = (name: string) => {
    const found = document.querySelector<HTMLElement>(`[data-row=${name}]`);
    if (found === null) throw new Error(`no row ${name}`);
    return within(found);
  };
  const send = async (field: HTMLElement, text: string) => {
    await fireEvent.input(field, { target: { value: text } });
    const form = field.closest("form");
    if (form === null) throw new Error("the field stands alone");
    await fireEvent.submit(form);
  };
  const patches = () => host.argsOf("settings_update");

  it("sends each one as it is changed", async () => {
    await fireEvent.change(await screen.findByRole("combobox", { name: "Language" }), {
      target: { value: "ru" },
    });
    await fireEvent.click(screen.getByRole("radio", { name: "Dark" }));
    const limit = screen.getByRole("textbox", { name: "Download limit" });
    await fireEvent.input(limit, { target: { value: "fast" } });
    await fireEvent.blur(limit);
    expect(screen.getByRole("alert").textContent).toBe("Enter a number from 0 to 10,000,000.");
    expect(limit.getAttribute("aria-invalid")).toBe("true");
    await fireEvent.input(limit, { target: { value: "1 500" } });
    await fireEvent.blur(limit);
    const budget = screen.getByRole("textbox", { name: "Use at most" });
    await fireEvent.input(budget, { target: { value: "2,5" } });
    await fireEvent.keyDown(budget, { key: "Enter" });
    await fireEvent.change(screen.getByRole("combobox", { name: "Speed" }), { target: { value: "1.25" } });
    await fireEvent.click(screen.getByRole("switch", { name: "DHT" }));
    await fireEvent.click(screen.getByRole("switch", { name: "Slow mode" }));
    await fireEvent.click(screen.getByRole("switch", { name: "Pause all transfers" }));

    expect(patches()).toEqual([
      { language: "ru" },
      { theme: "dark" },
      { download_limit_bytes_per_sec: 1_500_000 },
      { disk_budget_bytes: 2_500_000_000 },
      { playback: { default_speed: 1.25 } },
      { transfers: { dht_enabled: false } },
      { slow: { is_on: true } },
    ]);
    expect(host.argsOf("transfers_pause")).toEqual([{ paused: true }]);
  });

  it("offers the network interfaces of now", async () => {
    const choice = await screen.findByRole("combobox", { name: "Network interface" });
    await waitFor(() => expect(within(choice).getAllByRole("option")).toHaveLength(3));
    const names = within(choice).getAllByRole("option");
    expect(names.map((option) => option.textContent)).toEqual([
      "Any",
      "eth0 (192.168.1.2)",
      "wg0 (10.8.0.2)",
    ]);

    await fireEvent.change(choice, { target: { value: "wg0" } });

    expect(patches()).toEqual([{ transfers: { network_interface: "wg0" } }]);
  });

  it("finds rows by their name, their sentence, their options and their section", async () => {
    const search = await screen.findByRole("searchbox", { name: "Search the settings" });
    const find = async (text: string) => {
      await fireEvent.input(search, { target: { value: text } });
      await tick();
      const rows = [...document.querySelectorAll<HTMLElement>("[data-row]:not([hidden])")];
      return rows.filter((row) => !row.closest("[hidden]")).map((row) => row.dataset["row"]);
    };

    expect(await find("dht")).toEqual(["proxy", "dht"]);
    expect(await find("router")).toEqual(["portMapping", "utp", "allowedHosts", "maxConnections"]);
    expect(await find("metered share")).toEqual(["spareLine"]);
    expect(await find("japanese")).toEqual(["audioLanguage", "subtitleLanguage"]);
    expect((await find("storage")).sort()).toEqual(["dataDir", "diskBudget", "diskUse", "watchDir"]);
    expect(screen.getAllByRole("heading", { level: 2 }).map((heading) => heading.textContent)).toEqual([
      "Storage",
    ]);
    expect(await find("xyzzy")).toEqual([]);
    expect(screen.getByText("No setting is about “xyzzy”.")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Clear search" }));
    await tick();
    expect(screen.getAllByRole("heading", { level: 2 })).toHaveLength(9);
  });

  it("shows what only a desktop does on a desktop alone", async () => {
    await screen.findByRole("heading", { name: "General" });
    expect(screen.queryByRole("switch", { name: "Start when I log in" })).toBeNull();
  });

  it("says how full the disk is", async () => {
    expect(await screen.findByText(/3\sGB of 20\sGB; 82\sGB free/)).toBeTruthy();
  });

  it("lets nobody in by a password that is too short", async () => {
    await screen.findByRole("heading", { name: "Other devices" });
    await fireEvent.click(row("password").getByRole("button", { name: "Set" }));
    const field = screen.getByLabelText("New password");
    await send(field, "short");
    expect(row("password").getByRole("alert").textContent).toBe("A password has 8 to 256 characters.");
    expect(host.argsOf("password_set")).toEqual([]);

    await send(field, "long enough");
    await waitFor(() => expect(host.argsOf("password_set")).toEqual([{ password: "long enough" }]));
    expect(await row("password").findByRole("button", { name: "Set" })).toBeTruthy();
  });

  it("tells a device's secret address once, with its code", async () => {
    const network = { ...settings.network, lan_enabled: true };
    host.send(
      snapshot({
        settings: { ...settings, network },
        network: {
          urls: ["http://192.168.1.5:8090"],
          https_urls: [],
          certificate_sha256: null,
          problem: null,
        },
      }),
    );
    const name = await screen.findByRole("textbox", { name: "Devices with an address of their own" });
    await send(name, "TV");

    const address = "http://192.168.1.5:8090/t/s3cret/playlistall/all.m3u";
    expect(await screen.findByText(address)).toBeTruthy();
    expect(await screen.findByRole("img", { name: `QR code of ${address}` })).toBeTruthy();
    expect(host.argsOf("device_add")).toEqual([{ name: "TV" }]);
  });

  it("says why the network is not let in", async () => {
    const network = { ...settings.network, lan_enabled: true };
    host.send(
      snapshot({
        settings: { ...settings, network },
        network: { urls: [], https_urls: [], certificate_sha256: null, problem: { kind: "no_password" } },
      }),
    );
    expect(await screen.findByText(/Choose a password first/)).toBeTruthy();
  });

  it("lists who is here, with what they watch, and sends them away", async () => {
    host.send(
      snapshot({
        torrents: [torrent()],
        access: { has_password: true, devices: [{ id: 3, name: "TV", added_at_secs: 5 }] },
      }),
    );
    host.send({
      type: "viewers_changed",
      viewers: [
        {
          id: 7,
          address: "192.168.1.20",
          pass: { kind: "device", id: 3 },
          client: "VLC/3.0 LibVLC",
          since_secs: 1,
          watching: [{ info_hash: HASH_A, file_index: 0 }],
        },
      ],
    });

    expect(await screen.findByText("192.168.1.20 · VLC/3.0")).toBeTruthy();
    expect(screen.getByText("Watches River")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Send TV away" }));
    expect(host.argsOf("viewer_kick")).toEqual([{ id: 7 }]);
    await waitFor(() => expect(toasts.current?.text).toBe("TV was sent away for ten minutes"));
  });

  it("asks before everything is set back", async () => {
    await fireEvent.click(await screen.findByRole("button", { name: "Set back…" }));
    expect(host.argsOf("settings_reset")).toEqual([]);
    await fireEvent.click(screen.getByRole("button", { name: "Set back" }));
    expect(host.argsOf("settings_reset")).toEqual([{}]);
  });

  it("keeps a list entry that was refused, with what it should look like", async () => {
    const field = await screen.findByRole("textbox", { name: "Other pages" });
    await send(field, "page.example");
    expect(screen.getByRole("alert").textContent).toContain("https://page.example");
    await send(field, "https://page.example");
    expect(patches()).toEqual([{ network: { allowed_origins: ["https://page.example"] } }]);
  });
});
