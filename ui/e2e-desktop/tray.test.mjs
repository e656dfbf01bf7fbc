// The tray icon of the real program, worked over the session bus as a desktop does.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { closeWindow, rpc, snapshot, TrayHost, windows, windowShown } from "./desktop-side.mjs";
import { freePort, until } from "./webdriver.mjs";
import { BINARY } from "./window.mjs";

let folder;
let host;
let program;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "freshet-tray-"));
});

after(() => {
  program?.kill("SIGKILL");
  host?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the tray says how it stands, does what it offers, and keeps the program when its window is closed", async () => {
  host = new TrayHost();
  assert.deepEqual(await host.hear(), { ready: true });
  const port = await freePort();
  const server = `http://127.0.0.1:${port}`;
  program = spawn(BINARY, ["--hidden", "--path", folder, "--port", String(port), "--no-dht"], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, LC_ALL: "", LC_MESSAGES: "", LANG: "en_US.UTF-8" },
  });
  const ended = new Promise((done) => program.once("exit", done));
  assert.ok("registered" in (await host.hear()), "the icon is put up");
  const menu = () => host.ask("menu");
  const labels = async () => (await menu()).map((entry) => entry.label.replaceAll("\u00a0", " "));
  assert.deepEqual(await labels(), [
    "↓ 0 B/s  ↑ 0 B/s · peers: 0",
    "Nothing to continue",
    "Add from clipboard",
    "Add file…",
    "Pause all transfers",
    "Slow mode",
    "Share with my network",
    "Copy address",
    "Open Freshet",
    "Settings…",
    "Quit",
  ]);
  assert.deepEqual(windows(), [], "it waits without a window");
  assert.deepEqual(await rpc(server, "app_info", {}).then(({ shell }) => shell), {
    has_tray: true,
    can_start_at_login: true,
    can_open_links: true,
  });
  const isChecked = async (label) => (await menu()).find((entry) => entry.label === label).checked;

  await host.ask("click Pause all transfers");
  await until("the pause", async () => (await snapshot(server)).transfers_paused);
  await until("the tick", () => isChecked("Pause all transfers"));
  await host.ask("click Slow mode");
  await until("the slow mode", async () => (await snapshot(server)).settings.slow.is_on);
  await until("its tick", () => isChecked("Slow mode"));
  await host.ask("click Slow mode");
  await until("the end of the slow mode", async () => !(await isChecked("Slow mode")));

  // Pages and tray speak the same language, at once.
  await rpc(server, "settings_update", { language: "ru" });
  await until("another language", async () => (await labels()).includes("Медленный режим"));
  await rpc(server, "settings_update", { language: "en" });
  await until("the first language", async () => (await labels()).includes("Slow mode"));

  await host.ask("click Open Freshet");
  closeWindow(await windowShown());
  await until("the closed window", () => windows().length === 0);
  assert.equal((await fetch(`${server}/echo`)).status, 200, "the program goes on without its window");

  await host.ask("click Settings…");
  await windowShown();

  await host.ask("click Quit");
  assert.equal(await ended, 0);
});
