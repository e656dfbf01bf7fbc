// The player process with libmpv: its picture is below the page, so it is looked at on the screen and driven by real keys.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

import { seedFilm } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";

const BINARY = resolve(process.env.FRESHET ?? "../target/debug/freshet");
const PICTURES = process.env.FRESHET_PICTURES ?? "test-results/desktop";

let film;

before(async () => {
  film = await seedFilm();
  mkdirSync(PICTURES, { recursive: true });
});

after(() => film?.stop());

/** One start of the program, which plays the film at once. */
class Program {
  static async start(...options) {
    const program = new Program();
    program.folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
    program.port = await freePort();
    const args = ["--path", program.folder, "--port", String(program.port), "--no-dht"];
    program.startedAtMs = Date.now();
    program.child = spawn(BINARY, [...args, "--allow-private-networks", ...options, film.magnet], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, TAURI_WEBVIEW_AUTOMATION: "" },
    });
    return program;
  }

  /** The player process, or `undefined`. */
  get player() {
    return readdirSync("/proc").find((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        return commandLine.startsWith(`${BINARY}\0--player-window\0http://127.0.0.1:${this.port}/`);
      } catch {
        return false;
      }
    });
  }

  /** What is stored; it stands in the snapshot that every stream of events begins with. */
  async positionSecs() {
    const abort = new AbortController();
    const response = await fetch(`http://127.0.0.1:${this.port}/events`, { signal: abort.signal });
    let text = "";
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      if (text.includes("\n\n")) break;
    }
    abort.abort();
    const line = text.split("\n").find((line) => line.startsWith("data:"));
    const { marks } = JSON.parse(line.slice("data:".length));
    return Math.max(0, ...marks.flatMap((torrent) => torrent.marks.map((mark) => mark.position_secs)));
  }

  async end() {
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGKILL");
    await ended;
    await until("the end of the player process", () => this.player === undefined, 10_000);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const xdotool = (...args) => execFileSync("xdotool", args, { encoding: "utf8" }).trim();

/** The window whose title begins with the film's name. */
const windowOf = (title) => {
  try {
    return xdotool("search", "--name", title).split("\n").at(-1);
  } catch {
    return undefined;
  }
};

const playerWindow = () => until("the player window", () => windowOf("^Test film"));

/** The middle of the window, as a few bytes of colour. */
const colours = (window) =>
  execFileSync("import", [
    "-silent",
    "-window",
    window,
    "-gravity",
    "center",
    "-crop",
    "60%x50%+0+0",
    "-resize",
    "32x18!",
    "-depth",
    "8",
    "rgb:-",
  ]);

/** How much of the picture has a strong colour: nearly all of the film, and next to nothing of the page. */
function colourfulShare(bytes) {
  let count = 0;
  for (let at = 0; at + 2 < bytes.length; at += 3) {
    const pixel = bytes.subarray(at, at + 3);
    if (Math.max(...pixel) - Math.min(...pixel) > 100) count += 1;
  }
  return count / (bytes.length / 3);
}

const keep = (window, name) =>
  execFileSync("import", ["-silent", "-window", window, join(PICTURES, `${name}.png`)]);

async function picture(window) {
  await until("a picture", () => colourfulShare(colours(window)) > 0.5);
  const before = colours(window);
  await until("a picture that moves", () => !before.equals(colours(window)));
}

test("libmpv shows the film, follows the keys, and a crash of it ends nothing but itself", async () => {
  const program = await Program.start("--libmpv");
  try {
    await until("the player process", () => program.player);
    const window = await playerWindow();
    await picture(window);
    console.log(`# libmpv: first picture seen after ${Date.now() - program.startedAtMs} ms`);
    keep(window, "film-libmpv");

    xdotool("windowfocus", window);
    xdotool("key", "--window", window, "5");
    await until("a stored position in the middle", async () => (await program.positionSecs()) > 195);
    xdotool("key", "--window", window, "space");
    await until("a picture that stands", async () => {
      const before = colours(window);
      await new Promise((done) => setTimeout(done, 500));
      return before.equals(colours(window));
    });
    keep(window, "film-libmpv-paused");
    const position = await program.positionSecs();
    assert.ok(position > 195 && position < 260, `paused at ${position} s`);

    // The web view looks at the first one, and finds that it is not its own.
    await until("the end of the player process", () => {
      const pid = program.player;
      if (pid !== undefined) process.kill(Number(pid), "SIGSEGV");
      return pid === undefined;
    });
    const own = await playerWindow();
    await picture(own);
    keep(own, "film-after-crash");
    assert.equal(program.child.exitCode, null, "the application goes on");
    assert.equal(program.player, undefined, "it is not tried again with this film");
  } finally {
    await program.end();
  }
});
