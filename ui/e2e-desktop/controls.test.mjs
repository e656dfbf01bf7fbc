// Everything that a person does with a film, with the engine that FRESHET_ENGINE names: heard at the sound server, and seen on the
// screen where the page does not know it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { makeOnce } from "../e2e/make-once.mjs";
import { seed } from "./seeder.mjs";
import { Listener } from "./sound.mjs";
import { freePort, until } from "./webdriver.mjs";
import { Desktop, PICTURES, drop } from "./window.mjs";

const ENGINE = process.env.FRESHET_ENGINE ?? "libmpv";
const EPISODE_SECS = 90;
const CHAPTER_SECS = 30;
const WORDS = "What is said here";
const show = join(tmpdir(), "freshet-e2e-controls-1", "Test show");

let folder;
let desktop;
let page;
let listener;
let seeder;

/** Two episodes with two audio tracks each, subtitles and chapters. */
function makeShow() {
  makeOnce(show, (scratch) => {
    const words = join(scratch, "words.srt");
    writeFileSync(words, `1\n00:00:00,000 --> 00:01:29,000\n${WORDS}\n`);
    const chapters = join(scratch, "chapters.txt");
    const starts = [0, 1, 2].map((n) => n * CHAPTER_SECS * 1_000);
    const lists = starts.map(
      (start, n) => `[CHAPTER]\nTIMEBASE=1/1000\nSTART=${start}\nEND=${start + 30_000}\ntitle=Part ${n}`,
    );
    writeFileSync(chapters, [";FFMETADATA1", ...lists, ""].join("\n"));
    const tone = (hz) => [
      "-f",
      "lavfi",
      "-i",
      `sine=frequency=${hz}:sample_rate=48000:duration=${EPISODE_SECS}`,
    ];
    for (const [name, tones] of [
      ["Test show S01E01.mkv", [440, 880]],
      ["Test show S01E02.mkv", [660, 1100]],
    ]) {
      execFileSync("ffmpeg", [
        ...["-v", "error", "-y", "-f", "lavfi", "-i", `testsrc2=s=320x180:r=24:d=${EPISODE_SECS}`],
        ...[...tones.flatMap(tone), "-i", words, "-i", chapters],
        ...["-map", "0:v", "-map", "1:a", "-map", "2:a", "-map", "3:s", "-map_chapters", "4"],
        ...[
          "-metadata:s:a:0",
          "language=eng",
          "-metadata:s:a:1",
          "language=fra",
          "-metadata:s:s:0",
          "language=deu",
        ],
        ...["-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-c:a", "aac", "-ac", "2", "-c:s", "srt"],
        join(scratch, name),
      ]);
    }
    rmSync(words);
    rmSync(chapters);
  });
}

before(async () => {
  makeShow();
  mkdirSync(PICTURES, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  // What was chosen in an earlier run is forgotten; and where pictures of films go.
  process.env.XDG_DATA_HOME = join(folder, "pages");
  process.env.XDG_CONFIG_HOME = join(folder, "config");
  mkdirSync(join(folder, "config"));
  mkdirSync(join(folder, "pictures"));
  writeFileSync(join(folder, "config", "user-dirs.dirs"), `XDG_PICTURES_DIR="${join(folder, "pictures")}"\n`);
  listener = new Listener();
  const data = join(folder, "data");
  const args = ["--path", data, "--port", String(await freePort()), "--no-dht", "--allow-private-networks"];
  desktop = await Desktop.start(args, ENGINE);
  seeder = await seed(show);
  await drop(desktop.session, seeder.magnet);
  page = await desktop.player();
});

after(async () => {
  await desktop?.end();
  listener?.stop();
  seeder?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const secs = () => page.run("return document.querySelector('video').currentTime");
const text = () => page.run("return document.body.textContent");
const playsPast = (to) => until(`second ${to}`, async () => (await secs()) > to, 30_000);

/** Presses a key while others are held. */
const press = (...keys) =>
  page.post("/actions", {
    actions: [
      {
        type: "key",
        id: "keyboard",
        actions: [
          ...keys.map((value) => ({ type: "keyDown", value })),
          ...keys.toReversed().map((value) => ({ type: "keyUp", value })),
        ],
      },
    ],
  });
const [CONTROL, PAGE_DOWN, ARROW_UP, ARROW_DOWN] = ["\uE009", "\uE00F", "\uE013", "\uE015"];

/** Chooses from a menu of the controls, as a pointer does. */
async function choose(label, name) {
  await page.run(`document.querySelector(\`button[aria-label^="\${arguments[0]}"]\`).click()`, label);
  await until(`${name} in ${label}`, () =>
    page.run(
      `
      const items = [...document.querySelectorAll("[role^=menuitem], [role=radio]")];
      const item = items.find((item) => item.textContent.trim().startsWith(arguments[0]));
      item?.click();
      return item !== undefined;
      `,
      name,
    ),
  );
  // Nothing stands open over the next step.
  await page.run("document.activeElement?.blur()");
}

/** Waits for a loudness of this share of another. */
const isAsLoud = (share, full) =>
  until(
    `${share} of the loudness`,
    () => Math.abs(listener.level() / full - share) < 0.08 * Math.max(share, 0.5),
    10_000,
  );

/** How fast the film's clock goes. */
async function pace() {
  // A view may need a moment to change it.
  await playsPast((await secs()) + 1);
  const [from, startMs] = [await secs(), performance.now()];
  await playsPast(from + 3);
  return ((await secs()) - from) / ((performance.now() - startMs) / 1_000);
}

const step = (name, run) =>
  test(`${ENGINE}: ${name}`, async () => {
    try {
      await run();
    } catch (error) {
      const picture = await page?.screenshot().catch(() => null);
      if (picture) writeFileSync(join(PICTURES, `controls-${ENGINE}-failed.png`), picture);
      throw error;
    }
  });

step("a dropped show plays its first episode", async () => {
  await playsPast(1);
  await listener.hears(440);
});

step("audio tracks are chosen by key and from the menu", async () => {
  await press("b");
  await listener.hears(880);
  await choose("Audio track", "English");
  await listener.hears(440);
});

step("subtitles are chosen by key and from the menu", async () => {
  await press("c");
  await until("the words", async () => (await text()).includes(WORDS));
  await press("v");
  await until("no words", async () => !(await text()).includes(WORDS));
  await choose("Subtitles", "German");
  await until("the words again", async () => (await text()).includes(WORDS));
});

step("the volume goes down, up and above the film's own, and is muted", async () => {
  const full = await until("a steady tone", async () => {
    const before = listener.level();
    await new Promise((done) => setTimeout(done, 400));
    return before > 500 && Math.abs(listener.level() / before - 1) < 0.02 && before;
  });
  for (let presses = 0; presses < 10; presses += 1) await press(ARROW_DOWN);
  await isAsLoud(0.5, full);
  for (let presses = 0; presses < 16; presses += 1) await press(ARROW_UP);
  await isAsLoud(1.3, full);
  await press("m");
  await isAsLoud(0, full);
  await press("m");
  for (let presses = 0; presses < 6; presses += 1) await press(ARROW_DOWN);
  await isAsLoud(1, full);
  await page.run("document.querySelector('button[aria-label^=\"Night mode\"]').click()");
  await listener.hears(440);
  await page.run("document.querySelector('button[aria-label^=\"Night mode\"]').click()");
});

step("the film goes faster at the same pitch", async () => {
  await choose("Speed", "2");
  await until("double speed", () => page.run("return document.querySelector('video').playbackRate === 2"));
  const fast = await pace();
  assert.ok(fast > 1.6 && fast < 2.4, `${fast} times as fast`);
  await listener.hears(440);
  await press("\uE003");
  const plain = await pace();
  assert.ok(plain > 0.8 && plain < 1.2, `${plain} times as fast`);
});

step("chapters, arrows and single frames lead to their places", async () => {
  await page.press("0");
  await until("the beginning", async () => (await secs()) < 10);
  await press(PAGE_DOWN);
  await until("the second chapter", async () => Math.floor((await secs()) / 3) === CHAPTER_SECS / 3);
  await press("l");
  await playsPast(CHAPTER_SECS + 10);
  await press(" ");
  await until("the pause", () => page.run("return document.querySelector('video').paused"));
  const stood = await secs();
  await press(".");
  const next = await until("the next frame", async () => {
    const now = await secs();
    return now > stood && now;
  });
  assert.ok(next - stood < 0.1, `${next - stood} s on`);
  await press(" ");
  await playsPast(next + 0.5);
});

if (ENGINE === "libmpv") {
  step("a screenshot is the film's own picture, in the folder for pictures", async () => {
    await press(CONTROL, "s");
    const pictures = join(folder, "pictures");
    const name = await until("the file", () => existsSync(pictures) && readdirSync(pictures)[0]);
    const size = await until("its size", () =>
      execFileSync("identify", ["-format", "%wx%h", join(pictures, name)], { encoding: "utf8" }),
    );
    assert.equal(size, "320x180");
    assert.match(name, /^Test show.*\.png$/);
  });

  step("a screenshot that can't be written is not called saved", async () => {
    const pictures = join(folder, "pictures");
    rmSync(pictures, { recursive: true });
    writeFileSync(pictures, "where the folder was");
    await press(CONTROL, "s");
    await until("the refusal", async () => (await text()).includes("The picture could not be saved."));
  });
}

step("the next episode follows in the same window", async () => {
  await press("n");
  await listener.hears(660);
  await until("its name", async () => (await text()).includes("S01E02"));
  assert.ok((await secs()) < 30, "from its beginning");
  await press("p");
  await listener.hears(440);
});
