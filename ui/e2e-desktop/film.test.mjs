// The player process with libmpv: its picture is below the page, so it is looked at on the screen and driven by real keys.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { keep, movingPicture, playerWindow, standingPicture, xdotool } from "./screen.mjs";
import { seedFilm } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";
import { BINARY, PICTURES } from "./window.mjs";

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

test("libmpv shows the film, follows the keys, and a crash of it ends nothing but itself", async () => {
  const program = await Program.start("--engine", "libmpv");
  try {
    await until("the player process", () => program.player);
    const window = await playerWindow("^Test film");
    await movingPicture(window);
    console.log(`# libmpv: first picture seen after ${Date.now() - program.startedAtMs} ms`);
    keep(window, "film-libmpv");

    xdotool("windowfocus", window);
    xdotool("key", "--window", window, "5");
    await until("a stored position in the middle", async () => (await program.positionSecs()) > 195);
    xdotool("key", "--window", window, "space");
    await standingPicture(window);
    keep(window, "film-libmpv-paused");
    const position = await program.positionSecs();
    assert.ok(position > 195 && position < 260, `paused at ${position} s`);

    // The web view looks at the first one, and finds that it is not its own.
    await until("the end of the player process", () => {
      const pid = program.player;
      if (pid !== undefined) process.kill(Number(pid), "SIGSEGV");
      return pid === undefined;
    });
    const own = await playerWindow("^Test film");
    await movingPicture(own);
    keep(own, "film-after-crash");
    assert.equal(program.child.exitCode, null, "the application goes on");
    assert.equal(program.player, undefined, "it is not tried again with this film");
  } finally {
    await program.end();
  }
});
