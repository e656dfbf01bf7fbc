// The whole way in the real window: drop a magnet, watch, leave, come back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { seedFilm } from "./seeder.mjs";
import { Session, freePort, until } from "./webdriver.mjs";
import { BINARY, PICTURES, drop, mainReady, toPlayer } from "./window.mjs";

let film;
let folder;
let args;

before(async () => {
  film = await seedFilm();
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  args = ["--path", folder, "--port", String(await freePort()), "--no-dht", "--allow-private-networks"];
  // The page is asked for pictures here, and that of the web view has them.
  args.push("--engine", "web");
  mkdirSync(PICTURES, { recursive: true });
});

after(() => {
  film?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const picture = async (session, name) =>
  writeFileSync(join(PICTURES, `${name}.png`), await session.screenshot());

/** Runs the steps of a test; if one fails, leaves a picture and the state of the film behind. */
async function driven(name, steps) {
  const session = await Session.start(BINARY, args);
  try {
    await steps(session);
  } catch (error) {
    await picture(session, `${name}-failed`).catch(() => {});
    console.error(await videoState(session).catch((lost) => `no state: ${lost.message}`));
    throw error;
  } finally {
    await session.end();
  }
}

const videoState = (session) =>
  session.run(`
    const video = document.querySelector("video");
    const ranges = video && Array.from(video.buffered, (_, i) => [video.buffered.start(i), video.buffered.end(i)]);
    const { currentTime, duration, readyState, networkState, paused, seeking } = video ?? {};
    const text = document.body.innerText.slice(0, 300);
    return JSON.stringify({ url: location.href, currentTime, duration, readyState, networkState, paused, seeking,
      error: video?.error?.message, ranges, text });
  `);

const videoTime = (session) => session.run("return document.querySelector('video')?.currentTime ?? -1");

/** How much the pixels of the picture differ: 0 for a black one. */
const pictureSpread = (session) =>
  session.run(`
    const video = document.querySelector("video");
    const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 36 });
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0, 64, 36);
    const { data } = context.getImageData(0, 0, 64, 36);
    return Math.max(...data.filter((_, i) => i % 4 < 3)) - Math.min(...data.filter((_, i) => i % 4 < 3));
  `);

test("a dropped magnet plays, and its position is there after a restart", async () => {
  await driven("watch", async (session) => {
    const main = await mainReady(session);
    await picture(session, "library-empty");

    await drop(session, film.magnet);
    await toPlayer(session, main);
    await until("the first second of the film", async () => (await videoTime(session)) > 1);
    await until("a picture that is not black", async () => (await pictureSpread(session)) > 50);
    await picture(session, "player");

    // "5" jumps to the middle, into a part that nobody has asked for yet.
    await session.press("5");
    await until("the middle of the film", async () => (await videoTime(session)) > 201);
    await session.press(" ");
    await until("the pause", () => session.run("return document.querySelector('video').paused"));
    const paused = await videoTime(session);
    assert.ok(paused > 201 && paused < 330, `paused at ${paused} s`);
    await session.closeWindow();

    await session.switchTo(main);
    await until("the way to go on in the library", () =>
      session.run("return document.body.innerText.includes('Continue watching')"),
    );
    await picture(session, "library");
  });

  await driven("resume", async (session) => {
    const main = await mainReady(session);
    await until("the film in the library", () =>
      session.run("return document.body.innerText.includes('Test film')"),
    );
    await until("its card", () => session.run("return document.querySelector('button.play') !== null"));
    await session.click("button.play");
    await toPlayer(session, main);
    await until("the picture", async () => (await videoTime(session)) > 150);
    const resumed = await videoTime(session);
    assert.ok(resumed > 195 && resumed < 330, `goes on near where it was left, not at ${resumed} s`);
  });
});

test("a second start hands its magnet over and ends", async () => {
  await driven("second-start", async (session) => {
    const main = await mainReady(session);

    const second = spawn(BINARY, [...args, film.magnet], { stdio: ["ignore", "inherit", "inherit"] });
    const code = await new Promise((done) => second.once("exit", done));

    assert.equal(code, 0);
    await toPlayer(session, main);
    await until("the film", async () => (await videoTime(session)) > 0);
  });
});

test("a broken magnet is answered in place and nothing is added", async () => {
  await driven("broken-magnet", async (session) => {
    await mainReady(session);
    await drop(session, "magnet:?xt=urn:btih:123");
    await until("the sentence", () => session.run("return /40/.test(document.body.innerText)"));
    assert.equal((await session.windows()).length, 1, "no player window for a link that leads nowhere");
    await picture(session, "broken-magnet");
  });
});
