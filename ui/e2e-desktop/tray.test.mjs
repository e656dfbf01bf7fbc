// The tray icon of the real program, worked over the session bus as a desktop does.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { freePort, until } from "./webdriver.mjs";

const BINARY = resolve(process.env.FRESHET ?? "../target/debug/freshet");
const HOST = new URL("tray-host.py", import.meta.url).pathname;

/** The desktop's side of the tray. */
class TrayHost {
  #child = spawn("/usr/bin/python3", [HOST], { stdio: ["pipe", "pipe", "inherit"] });
  #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();

  async hear() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the tray host ended");
    return JSON.parse(value);
  }

  async ask(command) {
    this.#child.stdin.write(`${command}\n`);
    const { answer, error } = await this.hear();
    if (error) throw new Error(`${command}: ${error}`);
    return answer;
  }

  stop() {
    this.#child.kill();
  }
}

let folder;
let host;
let program;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "freshet-tray-"));
});

after(() => {
  program?.kill("SIGKILL");
  host?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** The X windows of the program that can be seen. */
function windows() {
  try {
    return execFileSync("xdotool", ["search", "--onlyvisible", "--name", "^Freshet$"], { stdio: "pipe" })
      .toString()
      .trim()
      .split("\n");
  } catch {
    // None: that is how it says so.
    return [];
  }
}

/** The first event of the stream, which is a snapshot. */
async function snapshot(server) {
  const abort = new AbortController();
  const response = await fetch(`${server}/events`, { signal: abort.signal });
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n\n")) break;
  }
  abort.abort();
  return JSON.parse(
    text
      .split("\n")
      .find((line) => line.startsWith("data:"))
      .slice(5),
  );
}

test("the tray opens, pauses and quits, and keeps the program when its window is closed", async () => {
  host = new TrayHost();
  assert.deepEqual(await host.hear(), { ready: true });
  const port = await freePort();
  const server = `http://127.0.0.1:${port}`;
  program = spawn(BINARY, ["--path", folder, "--port", String(port), "--no-dht"], {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, LC_ALL: "", LC_MESSAGES: "", LANG: "en_US.UTF-8" },
  });
  const ended = new Promise((done) => program.once("exit", done));
  assert.ok("registered" in (await host.hear()), "the icon is put up");
  const labels = async () => (await host.ask("menu")).map((entry) => entry.label);
  assert.deepEqual(await labels(), ["Open Freshet", "Pause all transfers", "Quit"]);

  await host.ask("click Pause all transfers");
  await until("the pause", async () => (await snapshot(server)).transfers_paused);
  await until("the tick", async () => (await host.ask("menu"))[1].checked);

  const [window] = await until("the window", () => windows().length > 0 && windows());
  execFileSync("xdotool", ["windowactivate", "--sync", window, "key", "alt+F4"]);
  await until("the closed window", () => windows().length === 0);
  assert.equal((await fetch(`${server}/echo`)).status, 200, "the program goes on without its window");

  await host.ask("click Open Freshet");
  await until("the window again", () => windows().length > 0);

  await host.ask("click Quit");
  assert.equal(await ended, 0);
});
