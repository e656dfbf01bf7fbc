// The player process with libmpv: its picture is below the page, so it is looked at on the screen and driven by real keys. And
// what comes in its place where it fails.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";

import { Program } from "./program.mjs";
import { keep, movingPicture, playerWindow, standingPicture, windowOf, xdotool } from "./screen.mjs";
import { seedFilm } from "./seeder.mjs";
import { until } from "./webdriver.mjs";
import { PICTURES } from "./window.mjs";

const TITLE = "^Test film";

let film;

before(async () => {
  film = await seedFilm();
  mkdirSync(PICTURES, { recursive: true });
});

after(() => film?.stop());

/** Starts the program with the film, and ends it after the steps; if one fails, tells what it had to say. */
async function playing(options, steps) {
  const program = await Program.start(film.magnet, options);
  try {
    await steps(program);
  } catch (error) {
    console.error(program.log);
    throw error;
  } finally {
    await program.end();
  }
}

test("libmpv shows the film and follows the keys; killed, it is followed where the film was", async () => {
  // As when our own windows are driven.
  await playing({ env: { TAURI_WEBVIEW_AUTOMATION: "true" } }, async (program) => {
    await until("the player process", () => program.player);
    assert.doesNotMatch(program.playerEnvironment, /TAURI_WEBVIEW_AUTOMATION/);
    const window = await playerWindow(TITLE);
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
    const marks = await program.marks();
    assert.deepEqual(
      [marks.length, marks.some((mark) => mark.viewed)],
      [1, false],
      "to be read is not to be viewed",
    );

    // The web view looks at the first one, and finds that it is not its own.
    await until("the end of the player process", () => {
      const pid = program.player;
      if (pid !== undefined) process.kill(Number(pid), "SIGSEGV");
      return pid === undefined;
    });
    const own = await until("our own window", () => {
      const found = windowOf(TITLE);
      return found !== window && found;
    });
    await movingPicture(own);
    keep(own, "film-after-crash");
    assert.equal(program.child.exitCode, null, "the application goes on");
    assert.equal(program.player, undefined, "it is not tried again with this film");
    await until("a position from there on", async () => (await program.positionSecs()) > position);
    assert.ok((await program.positionSecs()) < position + 20, "it went on where it was");
  });
});

/** The film plays in our own window, and nobody hears of the other. */
async function playsInOwnWindow(program, name) {
  await until("our own window", () => program.log.includes("libmpv can't be used here"));
  assert.equal(program.player, undefined);
  const own = await playerWindow(TITLE);
  await movingPicture(own);
  keep(own, name);
}

test("without OpenGL the view plays, without a word", async () => {
  // GTK's drawing area then gets no context.
  await playing({ env: { GDK_GL: "disable" } }, (program) => playsInOwnWindow(program, "film-without-gl"));
});

test("a player process that crashes before it shows anything is not missed", async () => {
  await playing({}, async (program) => {
    const pid = await until("the player process", () => program.player);
    process.kill(Number(pid), "SIGKILL");
    await playsInOwnWindow(program, "film-after-early-crash");
  });
});

test("a player process that never becomes ready is not waited for", async () => {
  await playing({}, async (program) => {
    const pid = await until("the player process", () => program.player);
    process.kill(Number(pid), "SIGSTOP");
    await playsInOwnWindow(program, "film-after-hanging");
  });
});

test("the player process ends with the application", async () => {
  await playing({}, async (program) => {
    const window = await playerWindow(TITLE);
    await movingPicture(window);
    assert.ok(program.player);
    await program.kill();
    assert.equal(program.player, undefined);
    assert.equal(windowOf(TITLE), undefined);
  });
});

test("safe graphics take the view and OpenGL in software", async () => {
  await playing({ options: ["--safe-graphics"] }, async (program) => {
    await movingPicture(await playerWindow(TITLE));
    assert.equal(program.player, undefined);
  });
});
