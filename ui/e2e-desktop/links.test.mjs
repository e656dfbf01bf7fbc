// Links that other programs hand over: asked about in the main window; and the desktop that is told who opens them.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
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

import { rpc, snapshot } from "./desktop-side.mjs";
import { freePort, Session, until } from "./webdriver.mjs";
import { BINARY, mainReady, PICTURES } from "./window.mjs";

const HASH = "08ada5a7a6183aae1e09d831df6748d566095a10";
const OTHER = "18ada5a7a6183aae1e09d831df6748d566095a10";
const magnet = (hash, name) =>
  `magnet:?xt=urn:btih:${hash}&dn=${encodeURIComponent(name)}&tr=${encodeURIComponent("http://tracker.example/announce")}`;
const TAB = "\uE004";
const ENTER = "\uE007";
const MAGNETS = "x-scheme-handler/magnet";
const TORRENTS = "application/x-bittorrent";

let folder;
let server;
let args;
let environment;
let children;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "freshet links "));
  const port = await freePort();
  server = `http://127.0.0.1:${port}`;
  args = ["--path", join(folder, "data"), "--port", String(port), "--no-dht", "--allow-private-networks"];
  // A home where nobody has chosen anything yet.
  environment = {
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, "config"),
    XDG_DATA_HOME: join(folder, "share"),
    LANG: "en_US.UTF-8",
    LC_ALL: "",
    LC_MESSAGES: "",
  };
  children = [];
  mkdirSync(PICTURES, { recursive: true });
});

afterEach(() => {
  children.forEach((child) => child.kill("SIGKILL"));
  rmSync(folder, { recursive: true, force: true });
});

const run = (program, ...args) =>
  execFileSync(program, args, { env: { ...process.env, ...environment }, encoding: "utf8" }).trim();

/** Another start, which hands over and ends. */
async function hands(...more) {
  const child = spawn(BINARY, [...args, ...more], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...environment },
  });
  children.push(child);
  assert.equal(await new Promise((done) => child.once("exit", done)), 0);
}

const text = (session) => session.run("return document.body.innerText");
const torrents = async () => (await snapshot(server)).torrents;
const picture = async (session, name) =>
  writeFileSync(join(PICTURES, `${name}.png`), await session.screenshot());

test("a link that a program hands over is asked about, and nothing becomes of it before", async () => {
  const session = await Session.start(BINARY, [...args, "--engine", "web"], environment);
  try {
    await mainReady(session);

    await hands("--handed-over", "--", magnet(HASH, "A film <b>"), "--path=/tmp/smuggled");
    await until("the question", async () =>
      (await text(session)).includes("Another program handed over a link"),
    );
    const asked = await text(session);
    for (const part of ["A film <b>", HASH, "tracker.example", "Not now"])
      assert.ok(asked.includes(part), part);
    assert.deepEqual(await torrents(), []);
    assert.equal((await session.windows()).length, 1, "no player");
    for (const theme of ["dark", "light"]) {
      await rpc(server, "settings_update", { theme });
      await until(theme, () =>
        session.run("return document.documentElement.dataset.theme === arguments[0]", theme),
      );
      await picture(session, `link-offer-${theme}`);
    }

    // Who works by keys is led to the question; the third of its answers is "Not now".
    assert.equal(
      await session.run("return document.activeElement.textContent"),
      "Another program handed over a link",
    );
    await session.press(TAB, TAB, TAB, ENTER);
    await until("no question", async () => !(await text(session)).includes("handed over"));
    assert.deepEqual(await torrents(), []);

    await hands("--handed-over", "--", magnet(OTHER, "Another film"));
    await until("the question", async () => (await text(session)).includes("Another film"));
    await session.press(TAB, TAB, ENTER);
    await until("the torrent", async () => (await torrents()).some(({ info_hash }) => info_hash === OTHER));
    assert.equal((await session.windows()).length, 1, "added, and not played");

    // What the person types at a terminal is their own act.
    await hands(magnet(HASH, "A film"));
    await until("the player", async () => (await session.windows()).length === 2);
    assert.equal((await torrents()).length, 2);
  } finally {
    await session.end();
  }
});

test("the desktop gives links and files to the program, and back to the one before", async () => {
  const applications = join(folder, "share", "applications");
  mkdirSync(applications, { recursive: true });
  mkdirSync(join(folder, "config"));
  const before =
    "[Desktop Entry]\nType=Application\nName=Other\nExec=true %U\nMimeType=x-scheme-handler/magnet;\n";
  writeFileSync(join(applications, "other.desktop"), before);
  writeFileSync(
    join(folder, "config", "mimeapps.list"),
    `[Default Applications]\n${MAGNETS}=other.desktop\n`,
  );
  const opener = (kind) => run("xdg-mime", "query", "default", kind);
  assert.equal(opener(MAGNETS), "other.desktop");

  const session = await Session.start(BINARY, [...args, "--engine", "web"], environment);
  try {
    await mainReady(session);
    await until("the desktop", async () => (await rpc(server, "app_info", {})).shell?.can_open_links);
    assert.equal((await snapshot(server)).settings.desktop.opens_links, false);
    // By the switch of the page, as a person finds it.
    await session.run("location.hash = '#/settings'");
    const find = `[...document.querySelectorAll("[role=switch]")].find(
      (one) => (one.getAttribute("aria-label") ?? document.getElementById(one.getAttribute("aria-labelledby"))?.textContent ?? "").includes("magnet"))`;
    const press = async () => {
      await until("the switch", () => session.run(`return ${find} !== undefined`));
      await session.run(`${find}.click()`);
    };
    await press();

    const own = await until("our entry", () =>
      readdirSync(applications).find((name) => name !== "other.desktop"),
    );
    await until("the choice", () => opener(MAGNETS) === own);
    assert.equal(opener(TORRENTS), own);
    assert.match(run("gio", "mime", MAGNETS), new RegExp(`Default application[^\n]*${own}`));
    const entry = readFileSync(join(applications, own), "utf8");
    assert.ok(
      entry.includes(`\nExec=${BINARY} --path "${join(folder, "data")}" --handed-over -- %U\n`),
      entry,
    );

    // As a browser does it.
    run("gio", "open", magnet(HASH, "From a page"));
    await until("the question", async () => (await text(session)).includes("From a page"));
    assert.deepEqual(await torrents(), []);

    await press();
    await until("the one before", () => opener(MAGNETS) === "other.desktop");
    await until("no entry of ours", () => !existsSync(join(applications, own)));
    assert.equal(
      readFileSync(join(folder, "config", "mimeapps.list"), "utf8"),
      `[Default Applications]\n${MAGNETS}=other.desktop;\n`,
    );
  } finally {
    await session.end();
  }
});
