// What the program and a desktop without a tray agree on: closing, starting at login, notifications.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

import {
  closeWindow,
  NotificationHost,
  press,
  rpc,
  snapshot,
  windows,
  windowShown,
} from "./desktop-side.mjs";
import { seed } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";
import { BINARY } from "./window.mjs";

const QUESTION = "^Keep Freshet running";

let folder;
let server;
let args;
let children;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "freshet desktop "));
  const port = await freePort();
  server = `http://127.0.0.1:${port}`;
  args = ["--path", join(folder, "data"), "--port", String(port), "--no-dht", "--allow-private-networks"];
  children = [];
});

afterEach(() => {
  children.forEach((child) => child.kill("SIGKILL"));
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the program; gives a promise of its exit code. */
function start(...more) {
  const child = spawn(BINARY, [...args, ...more], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      XDG_CONFIG_HOME: join(folder, "config"),
      LC_ALL: "",
      LC_MESSAGES: "",
      LANG: "en_US.UTF-8",
    },
  });
  children.push(child);
  return new Promise((done) => child.once("exit", done));
}

/** The server answers a little earlier than the desktop is known. */
const isUp = () => until("the program", async () => (await rpc(server, "app_info", {})).shell !== null);

test("without a tray, closing the window asks once whether to go on", async () => {
  const ended = start();
  await isUp();
  closeWindow(await windowShown());
  const question = await windowShown(QUESTION);
  assert.equal(windows().length, 1, "the window stays until that is known");
  // The first button keeps it running.
  press(question, "Return");

  await until("the closed window", () => windows().length === 0);
  assert.equal((await snapshot(server)).settings.desktop.on_close, "stay");
  assert.equal((await fetch(`${server}/echo`)).status, 200);

  // A second start brings the window back, and closing it asks nothing any more.
  assert.equal(await start(), 0);
  closeWindow(await windowShown());
  await until("the closed window", () => windows().length === 0);
  assert.deepEqual(windows(QUESTION), []);

  await rpc(server, "settings_update", { desktop: { on_close: "quit" } });
  assert.equal(await start(), 0);
  closeWindow(await windowShown());
  assert.equal(await ended, 0);
});

test("the desktop is told to start the program, and told otherwise", async () => {
  void start();
  await isUp();
  const autostart = join(folder, "config", "autostart");
  const entries = () => (existsSync(autostart) ? readdirSync(autostart) : []);
  assert.deepEqual(entries(), []);

  await rpc(server, "settings_update", { desktop: { start_at_login: true } });
  await until("the autostart file", () => entries().length === 1);
  const text = readFileSync(join(autostart, entries()[0]), "utf8");
  assert.match(text, /^\[Desktop Entry\]\nType=Application\n/);
  assert.ok(text.includes(`\nExec=${BINARY} --hidden --path "${join(folder, "data")}"\n`), text);

  await rpc(server, "settings_update", { desktop: { start_at_login: false } });
  await until("no autostart file", () => entries().length === 0);
});

test("what can be watched is told to who does not look, and pressing it plays", async () => {
  const host = new NotificationHost();
  children.push({ kill: () => host.stop() });
  assert.deepEqual(await host.hear(), { ready: true });
  const film = join(folder, "Film <b>& Co");
  mkdirSync(film);
  writeFileSync(join(film, "film.mkv"), Buffer.alloc(300_000, 7));
  const seeder = await seed(film);
  children.push({ kill: () => seeder.stop() });
  // Without a tray it waits minimized: nobody looks at it.
  void start("--hidden");
  await isUp();

  await rpc(server, "torrent_add", { source: seeder.magnet });

  const note = await host.hear();
  assert.equal(note.app, "Freshet");
  assert.equal(note.summary, "Ready to watch");
  assert.equal(note.body, "Film &lt;b&gt;&amp; Co", "a stranger's name is no markup");
  assert.deepEqual(note.actions, ["default", "Play", "go", "Play"]);

  host.write(`press ${note.id} default`);
  assert.deepEqual(await host.hear(), { pressed: note.id });
  await until(
    "the player's film",
    async () => (await snapshot(server)).player_target?.info_hash === seeder.infoHash,
  );
  await windowShown("Freshet$");
});
