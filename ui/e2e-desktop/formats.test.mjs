// Every format plays in the real window, with the engine that FRESHET_ENGINE names: the picture is there and moves, the tone
// comes out of the sound server, a seek goes on from its place.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  FORMATS_NAME,
  FORMAT_CLIPS,
  SECOND_TONE_HZ,
  SOUNDS_NAME,
  TONE_HZ,
  formatsFolder,
  makeFormatClips,
  soundsFolder,
} from "../e2e/format-clips.mjs";
import { colors, playerWindow } from "./screen.mjs";
import { seed } from "./seeder.mjs";
import { Listener } from "./sound.mjs";
import { freePort, until } from "./webdriver.mjs";
import { Desktop, PICTURES, drop } from "./window.mjs";

const ENGINE = process.env.FRESHET_ENGINE ?? "web";

let folder;
let desktop;
/** Drives the player's page. */
let session;
let listener;
const seeders = [];

before(async () => {
  makeFormatClips();
  listener = new Listener();
  mkdirSync(PICTURES, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  const args = ["--path", folder, "--port", String(await freePort()), "--no-dht", "--allow-private-networks"];
  desktop = await Desktop.start(args, ENGINE);
});

after(async () => {
  await desktop?.end();
  listener?.stop();
  for (const seeder of seeders) seeder.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const state = () =>
  session.run(`
    const video = document.querySelector("video");
    const { currentTime, videoWidth, readyState, paused, seeking } = video ?? {};
    return { currentTime: currentTime ?? -1, videoWidth, readyState, paused, seeking, text: document.body.textContent.replaceAll(/\\s+/g, " ") };
  `);

/** The picture in numbers, and how far they reach: 0 for a black one. */
async function pictureNow() {
  const levels = ENGINE === "web" ? await levelsOfVideo() : await levelsOfScreen();
  return { levels, spread: Math.max(...levels) - Math.min(...levels) };
}

const levelsOfVideo = () =>
  session.run(`
    const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
    const context = canvas.getContext("2d");
    context.drawImage(document.querySelector("video"), 0, 0, 32, 18);
    return Array.from(context.getImageData(0, 0, 32, 18).data.filter((_, at) => at % 4 === 1));
  `);

const levelsOfScreen = async () =>
  Array.from(colors(await playerWindow("^(Formats|Sounds)")).filter((_, at) => at % 3 === 1));

const playsPast = (secs) => until(`second ${secs}`, async () => (await state()).currentTime > secs, 30_000);

async function movingPicture() {
  const first = await until("a picture that is not black", async () => {
    const now = await pictureNow();
    return now.spread > 50 && now;
  });
  await until("a picture that moves", async () => {
    const { levels } = await pictureNow();
    return levels.some((level, at) => Math.abs(level - first.levels[at]) > 20);
  });
}

/** Adds a torrent; the player opens and shows something of it. */
async function add(path) {
  const seeder = await seed(path);
  seeders.push(seeder);
  await desktop.toMain();
  await drop(desktop.session, seeder.magnet);
  return seeder.infoHash;
}

/** Plays this file from the page of its torrent. */
async function watch(infoHash, name) {
  await desktop.toMain();
  await desktop.session.run("location.hash = `#/torrent/${arguments[0]}`", infoHash);
  await until(`the row of ${name}`, () =>
    desktop.session.run(
      `
      const button = document.querySelector(\`[aria-label="Play \${arguments[0]}"]\`);
      button?.click();
      return button !== null;
      `,
      name,
    ),
  );
  session = await desktop.player();
}

/** Whatever of the clips plays now. */
async function playsWell(folderName, clip) {
  await until(
    clip.name,
    async () => {
      const { text, currentTime } = await state();
      return text.includes(`${folderName} ${clip.name}`) && currentTime < 6;
    },
    15_000,
  );
  await playsPast(0.7);
  await listener.hears(TONE_HZ);
  if (!clip.isSoundOnly) {
    assert.equal((await state()).videoWidth, 320);
    await movingPicture();
  }
  if (clip.audioTracks === 2) {
    await session.press("b");
    await listener.hears(SECOND_TONE_HZ);
  }
  // Half of it, and on from there.
  await session.press("5");
  await playsPast(6.3);
  await listener.hears(clip.audioTracks === 2 ? SECOND_TONE_HZ : TONE_HZ);
  if (!clip.isSoundOnly) await movingPicture();
}

for (const [folderName, path] of [
  [FORMATS_NAME, formatsFolder],
  [SOUNDS_NAME, soundsFolder],
]) {
  let infoHash;
  const isOfThisFolder = (clip) => (clip.isSoundOnly ?? false) === (folderName === SOUNDS_NAME);
  for (const clip of FORMAT_CLIPS.filter(isOfThisFolder)) {
    test(`${clip.name} plays and seeks`, async () => {
      try {
        infoHash ??= await add(path);
        await watch(infoHash, clip.name);
        await playsWell(folderName, clip);
      } catch (error) {
        writeFileSync(join(PICTURES, `formats-${clip.name}-failed.png`), await session.screenshot());
        console.error(JSON.stringify(await state()).slice(0, 600));
        throw error;
      }
    });
  }
}
