// What a screen reader finds, and the whole way from the start to the film by keys alone, in the real windows and with real keys.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { press, ScreenReader, snapshot, windows, windowShown } from "./desktop-side.mjs";
import { keep, xdotool } from "./screen.mjs";
import { seedFilm } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";
import { BINARY, PICTURES } from "./window.mjs";

/** What a person works with. */
const CONTROLS = new Set([
  "push button",
  "toggle button",
  "check box",
  "radio button",
  "combo box",
  "entry",
  "password text",
  "spin button",
  "slider",
  "link",
  "menu item",
  "radio menu item",
  "page tab",
]);
/** More than there is in any of our pages. */
const MAX_STEPS = 200;

let film;
let folder;
let server;
let child;
let reader;

before(async () => {
  film = await seedFilm();
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  mkdirSync(PICTURES, { recursive: true });
  reader = new ScreenReader();
  assert.deepEqual(await reader.hear(), { ready: true });
});

after(() => {
  child?.kill("SIGKILL");
  reader?.stop();
  film?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function start(...more) {
  const port = await freePort();
  server = `http://127.0.0.1:${port}`;
  const args = ["--path", folder, "--port", String(port), "--no-dht", "--allow-private-networks", ...more];
  child = spawn(BINARY, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, LC_ALL: "", LC_MESSAGES: "", LANG: "en_US.UTF-8" },
  });
}

const label = ({ role, name }) => `${role} “${name}”`;

/** A window as the screen reader finds it. */
class Page {
  constructor(window, title) {
    this.window = window;
    this.title = title;
  }

  /** Controls by their order; one that has the same name as another is told apart by its place. */
  async controls() {
    const all = await reader.ask(`${child.pid} ${this.title}`);
    return all.map((one, place) => ({ ...one, place })).filter(({ role }) => CONTROLS.has(role));
  }

  /** The control with the focus; `null` if none has it. */
  async focus() {
    return (await this.controls()).findLast(({ focused }) => focused) ?? null;
  }

  found(role, name) {
    return until(`${role} ${name}`, async () =>
      (await this.controls()).some((one) => one.role === role && name.test(one.name)),
    );
  }

  /** Where the Tab key leads from here. */
  async next(from) {
    press(this.window, "Tab");
    const moved = async () => {
      const at = await this.focus();
      return at?.place === from?.place ? false : { at };
    };
    return (await until(`the focus moves on from ${from && label(from)}`, moved, 10_000)).at;
  }

  /** Goes on with Tab until the control has the focus. */
  async tabTo(role, name) {
    let at = await this.focus();
    for (let step = 0; step < MAX_STEPS; step += 1) {
      if (at?.role === role && name.test(at.name)) return;
      at = await this.next(at);
    }
    assert.fail(`${role} ${name} is not reached`);
  }

  /** No control is without a name, and the Tab key leads from outside through all of them and out again. */
  async walk(screen) {
    const nameless = (await this.controls()).filter(({ name }) => name === "");
    assert.deepEqual(nameless.map(label), [], `${screen}: controls without a name`);
    let at = await this.focus();
    for (let step = 0; at !== null; step += 1) {
      assert.ok(step < MAX_STEPS, `${screen}: there is no way out`);
      at = await this.next(at);
    }
    const seen = [];
    for (at = await this.next(null); at !== null; at = await this.next(at)) {
      seen.push(label(at));
      assert.ok(seen.length < MAX_STEPS, `${screen}: there is no way out: ${seen.slice(-5).join(", ")}`);
    }
    // Of several that exclude each other one is reached, and the arrow keys go on from there.
    const there = (await this.controls()).filter(
      ({ role, focusable, enabled }) =>
        focusable && enabled && !role.includes("radio") && role !== "menu item",
    );
    const missed = there.map(label).filter((one) => !seen.includes(one));
    assert.deepEqual(missed, [], `${screen}: what no key reaches`);
    console.log(`# ${screen}: ${seen.length} steps through ${there.length} controls`);
    return seen;
  }
}

test("from the start to the film by keys alone, and every control says what it is", async () => {
  await start("--engine", "web");
  const main = new Page(await windowShown(), "Freshet");
  await main.found("entry", /Magnet link/);
  keep(main.window, "keys-first-run");
  await main.walk("first screen");

  await main.tabTo("entry", /Magnet link/);
  xdotool("windowactivate", "--sync", main.window, "type", "--delay", "15", film.magnet);
  // What can be pressed now says that the text has arrived.
  await until("the whole link", async () =>
    (await main.controls()).some(({ name, focusable }) => name === "Play" && focusable),
  );
  keep(main.window, "keys-magnet");
  press(main.window, "Return");
  // Its title is more than the tools of X can compare in every locale.
  const other = await until("the player", () => windows("Freshet$").find((one) => one !== main.window));
  const player = new Page(other, "Test film");
  await until("the film", async () => {
    const { marks } = await snapshot(server);
    return marks.some((torrent) => torrent.marks.some(({ position_secs }) => position_secs > 0));
  });
  await player.found("slider", /Position/);
  // What stands still can be walked over: the controls stay while it is paused.
  press(player.window, "space");
  await player.found("push button", /^Play/);
  keep(player.window, "keys-player");
  await player.walk("player");
});
