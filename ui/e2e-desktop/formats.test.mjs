// Every format plays in the real window: the picture is there and moves, the tone comes out of the sound server, a seek
// goes on from its place.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
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
import { seed } from "./seeder.mjs";
import { Session, freePort, until } from "./webdriver.mjs";
import { BINARY, PICTURES, drop, mainReady, toPlayer } from "./window.mjs";

const SAMPLE_HZ = 8_000;
const HEARD_BYTES = 2 * Math.round(0.35 * SAMPLE_HZ);

let folder;
let session;
let main;
let recorder;
let heard = Buffer.alloc(0);
const seeders = [];

before(async () => {
  makeFormatClips();
  recorder = startListening();
  mkdirSync(PICTURES, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  const args = ["--path", folder, "--port", String(await freePort()), "--no-dht", "--allow-private-networks"];
  session = await Session.start(BINARY, args);
  main = await mainReady(session);
});

after(async () => {
  await session?.end();
  recorder?.kill();
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
  const levels = await session.run(`
    const canvas = Object.assign(document.createElement("canvas"), { width: 32, height: 18 });
    const context = canvas.getContext("2d");
    context.drawImage(document.querySelector("video"), 0, 0, 32, 18);
    return Array.from(context.getImageData(0, 0, 32, 18).data.filter((_, at) => at % 4 === 1));
  `);
  return { levels, spread: Math.max(...levels) - Math.min(...levels) };
}

/** How much of what is heard now is this tone, from 0 to 1. */
function share(samples, hz) {
  const step = (2 * Math.PI * hz) / SAMPLE_HZ;
  let [cosine, sine, all] = [0, 0, 0];
  samples.forEach((sample, at) => {
    cosine += sample * Math.cos(step * at);
    sine += sample * Math.sin(step * at);
    all += sample * sample;
  });
  return all === 0 ? 0 : (2 * (cosine ** 2 + sine ** 2)) / (samples.length * all);
}

/** The last third of a second of what the sound server plays. */
const listen = () =>
  new Int16Array(heard.buffer.slice(heard.byteOffset, heard.byteOffset + heard.byteLength));

/** Listens for the whole time: who comes and goes disturbs the sound server. */
function startListening() {
  const recorder = spawn(
    "ffmpeg",
    [
      ...["-v", "error", "-fflags", "nobuffer", "-f", "pulse", "-i", "null.monitor"],
      ...["-ac", "1", "-ar", String(SAMPLE_HZ), "-f", "s16le", "-flush_packets", "1", "pipe:1"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  recorder.stdout.on("data", (bytes) => (heard = Buffer.concat([heard, bytes]).subarray(-HEARD_BYTES)));
  return recorder;
}

const hears = (hz) => until(`a tone of ${hz} Hz`, () => share(listen(), hz) > 0.8, 20_000);
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
  await session.switchTo(main);
  await drop(session, seeder.magnet);
  return seeder.infoHash;
}

/** Plays this file from the page of its torrent. */
async function watch(infoHash, name) {
  await session.switchTo(main);
  await session.run("location.hash = `#/torrent/${arguments[0]}`", infoHash);
  await until(`the row of ${name}`, () =>
    session.run(
      `
      const button = document.querySelector(\`[aria-label="Play \${arguments[0]}"]\`);
      button?.click();
      return button !== null;
      `,
      name,
    ),
  );
  await toPlayer(session, main);
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
  await hears(TONE_HZ);
  if (!clip.isSoundOnly) {
    assert.equal((await state()).videoWidth, 320);
    await movingPicture();
  }
  if (clip.audioTracks === 2) {
    await session.press("b");
    await hears(SECOND_TONE_HZ);
  }
  // Half of it, and on from there.
  await session.press("5");
  await playsPast(6.3);
  await hears(clip.audioTracks === 2 ? SECOND_TONE_HZ : TONE_HZ);
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
