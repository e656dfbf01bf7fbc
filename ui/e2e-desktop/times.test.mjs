// How long a click takes until there is a picture, and a jump, with the engine that FRESHET_ENGINE names. Prints what it measures;
// the guards are loose ones.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { seedFilm } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";
import { Desktop, drop } from "./window.mjs";

const ENGINE = process.env.FRESHET_ENGINE ?? "libmpv";
const RUNS = 5;

let film;
let folder;
let args;
let desktop;

before(async () => {
  film = await seedFilm();
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  args = ["--path", folder, "--port", String(await freePort()), "--no-dht", "--allow-private-networks"];
});

after(async () => {
  await desktop?.end();
  film?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** When the first picture was there, in milliseconds of the clock that all processes have. */
const firstFrameAt = (page) =>
  until("the first picture", () =>
    page.run(`
      const [mark] = performance.getEntriesByName("freshet-first-frame");
      return mark && performance.timeOrigin + mark.startTime;
    `),
  );

/** Clicks on the film's card or button, and gives when. */
async function play() {
  await desktop.toMain();
  await desktop.session.run("location.hash = `#/torrent/${arguments[0]}`", film.infoHash);
  return until("the row of the film", () =>
    desktop.session.run(`
      const button = document.querySelector('[aria-label="Play film.mkv"]');
      const now = Date.now();
      button?.click();
      return button && now;
    `),
  );
}

/** How long a jump takes until the film goes on there. */
const jump = (page, secs) =>
  page
    .run(
      `
      const video = document.querySelector("video");
      const secs = arguments[0];
      window.jumped = null;
      const startMs = performance.now();
      const look = () => {
        const isThere = !video.seeking && video.currentTime > secs && video.currentTime < secs + 9;
        if (isThere) window.jumped = performance.now() - startMs;
        else requestAnimationFrame(look);
      };
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key: String(secs / 40), code: "Digit0", bubbles: true }));
      requestAnimationFrame(look);
      `,
      secs,
    )
    .then(() => until("the place of the jump", () => page.run("return window.jumped")));

test(`${ENGINE}: a click, and a jump, are answered soon`, async () => {
  const [starts, jumps] = [[], []];
  for (let run = 0; run <= RUNS; run += 1) {
    desktop = await Desktop.start(args, ENGINE);
    // The first one is of a drop, and warms the disk.
    if (run === 0) await drop(desktop.session, film.magnet);
    const clickedAt = run === 0 ? null : await play();
    const page = await desktop.player();
    const shownAt = await firstFrameAt(page);
    if (clickedAt !== null) {
      starts.push(Math.round(shownAt - clickedAt));
      jumps.push(Math.round(await jump(page, 40 * (run + 2))));
    }
    await desktop.end();
    desktop = null;
  }
  console.log(`# ${ENGINE}: click to first picture ${starts.join(", ")} ms, median ${median(starts)}`);
  console.log(`# ${ENGINE}: jump ${jumps.join(", ")} ms, median ${median(jumps)}`);
  assert.ok(median(starts) < 10_000 && median(jumps) < 5_000);
});
