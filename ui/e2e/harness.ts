/* What every test gets: a seeder that lives for the whole run, and a freshetd with a data folder of its own. */
import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import type { Page, TestInfo, WorkerFixture } from "@playwright/test";
import { test as base, expect } from "@playwright/test";

import type { CommandArgs, CommandName, CommandResult } from "../src/lib/host/host";
import { clipsFolder, seriesFolder, subtitledFolder } from "./clips";
import { formatsFolder, soundsFolder } from "./format-clips.mjs";
import { SUBTITLED_FILM } from "./subtitle-clips";

const uiFolder = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const fromEnvironment = (name: string, fallback: string) =>
  resolve(uiFolder, process.env[name] ?? `../target/debug/${fallback}`);
const FRESHETD = fromEnvironment("FRESHETD", "freshetd");
/** The built pages. Another folder than the usual one lets a build run beside the tests. */
const PAGES = resolve(uiFolder, process.env["FRESHET_UI"] ?? "dist");
const SEED = fromEnvironment("FRESHET_SEED", "examples/seed");
const FILL = fromEnvironment("FRESHET_FILL", "examples/fill");

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 15_000;

export interface Seeded {
  magnet: string;
  infoHash: string;
  /** In base64. */
  torrentFile: string;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

export async function stopChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await ended;
  clearTimeout(late);
}

/** One freshetd on one data folder; it can be stopped and started again. */
export class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "freshet-e2e-data-"));
  #port = 0;
  #child: ChildProcess | null = null;
  #log = "";

  /** Begins with the program that starts it in surroundings of a kind: `$0` is freshetd, and `$FOLDER` its data folder. */
  constructor(readonly script?: string) {}

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Keeps its port over a restart, as it does on a person's computer. */
  async start(): Promise<void> {
    if (this.#port === 0) this.#port = await freePort();
    const flags = [
      ...["--port", String(this.#port), "--path", this.folder, "--pages", PAGES],
      ...["--no-dht", "--allow-private-networks"],
    ];
    const [program, args] =
      this.script === undefined
        ? [FRESHETD, flags]
        : ["unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", this.script, FRESHETD, ...flags]];
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FOLDER: this.folder },
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
    }
    const giveUpAt = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (child.exitCode !== null || Date.now() > giveUpAt)
        throw new Error(`freshetd did not start:\n${this.#log}`);
      const isUp = await fetch(`${this.url}/echo`).then(
        (response) => response.ok,
        () => false,
      );
      if (isUp) return;
      await new Promise((later) => setTimeout(later, 50));
    }
  }

  /** Runs a command, as the page does. */
  async call<K extends CommandName>(command: K, args: CommandArgs<K>): Promise<CommandResult<K>> {
    const response = await fetch(`${this.url}/rpc/${command}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Freshet": "1" },
      body: JSON.stringify(args),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    return JSON.parse(text) as CommandResult<K>;
  }

  async stop(): Promise<void> {
    if (this.#child) await stopChild(this.#child, "SIGTERM");
    this.#child = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async remove(): Promise<string> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
    return this.#log;
  }
}

export async function startSeeder(
  folder: string,
  options: string[] = [],
): Promise<{ child: ChildProcess; seeded: Seeded }> {
  // Serves until its input ends.
  const child = spawn(SEED, [folder, ...options], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([
    once(lines, "line").then(([text]) => String(text)),
    once(child, "exit").then(([code]) => {
      throw new Error(`the seeder ended with ${String(code)}`);
    }),
  ]);
  const told = JSON.parse(line) as { magnet: string; info_hash: string; torrent_file: string };
  return { child, seeded: { magnet: told.magnet, infoHash: told.info_hash, torrentFile: told.torrent_file } };
}

/** The data folder is a disk of which little is free. */
const ON_SMALL_DISK = 'mount -t tmpfs -o size=64m tmpfs "$FOLDER" && exec "$0" "$@"';
/** Whoever asks for ffmpeg to make a picture waits. */
const WITH_SLOW_FFMPEG = [
  'mkdir "$FOLDER/bin"',
  'printf "#!/bin/sh\\nexec sleep 600\\n" > "$FOLDER/bin/ffmpeg"',
  'chmod +x "$FOLDER/bin/ffmpeg"',
  'PATH="$FOLDER/bin:$PATH" exec "$0" "$@"',
].join(" && ");

async function useServer(
  server: Server,
  use: (server: Server) => Promise<void>,
  info: TestInfo,
): Promise<void> {
  await server.start();
  await use(server);
  const log = await server.remove();
  if (info.status !== info.expectedStatus) await info.attach("freshetd.log", { body: log });
}

/** A seeder of this folder for the whole run of a worker. */
function seederOf(folder: string): [WorkerFixture<Seeded, object>, { scope: "worker" }] {
  return [
    // eslint-disable-next-line no-empty-pattern -- the runner asks for this form
    async ({}, use) => {
      const { child, seeded } = await startSeeder(folder);
      await use(seeded);
      await stopChild(child, "SIGTERM");
    },
    { scope: "worker" },
  ];
}

interface Servers {
  server: Server;
  smallDisk: Server;
  slowFfmpeg: Server;
}

export const test = base.extend<
  Servers,
  { seeded: Seeded; series: Seeded; subtitled: Seeded; formats: Seeded; sounds: Seeded }
>({
  seeded: seederOf(clipsFolder),
  series: seederOf(seriesFolder),
  subtitled: seederOf(subtitledFolder),
  formats: seederOf(formatsFolder),
  sounds: seederOf(soundsFolder),
  // eslint-disable-next-line no-empty-pattern -- the runner asks for this form
  server: async ({}, use, info) => useServer(new Server(), use, info),
  // eslint-disable-next-line no-empty-pattern -- the runner asks for this form
  smallDisk: async ({}, use, info) => useServer(new Server(ON_SMALL_DISK), use, info),
  // eslint-disable-next-line no-empty-pattern -- the runner asks for this form
  slowFfmpeg: async ({}, use, info) => useServer(new Server(WITH_SLOW_FFMPEG), use, info),
});

export { expect };

/** Makes a library of so many torrents that cannot be played in a data folder that nobody uses. */
export function fillLibrary(folder: string, count: number): void {
  const { status, stderr } = spawnSync(FILL, [folder, String(count)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`the library could not be made: ${stderr}`);
}

/** Adds over the same door as the page, for tests that are about something else. */
export async function addTorrent(server: Server, seeded: Seeded): Promise<void> {
  await server.call("torrent_add", { source: seeded.magnet });
}

/** The number of a file of a torrent, as soon as its details are there. */
export async function fileIndexOf(server: Server, seeded: Seeded, name: string): Promise<number> {
  const indexOf = async () => {
    const { files } = await server.call("torrent_detail", { info_hash: seeded.infoHash });
    return files.find(({ path }) => path.endsWith(name))?.index;
  };
  // The details come from the seeder.
  await expect.poll(indexOf).toBeDefined();
  return (await indexOf()) ?? -1;
}

/** Plays a file of the torrent with subtitles. */
export async function openSubtitled(
  page: Page,
  server: Server,
  subtitled: Seeded,
  name = SUBTITLED_FILM,
): Promise<void> {
  await addTorrent(server, subtitled);
  const index = await fileIndexOf(server, subtitled, name);
  await page.goto(`${server.url}/player.html#${subtitled.infoHash}/${index}`);
  await playsPast(page, 0.3);
}

/** Does what opens the player and gives its page. */
export async function openingPlayer(page: Page, action: () => Promise<void>): Promise<Page> {
  const opened = page.waitForEvent("popup");
  await action();
  return opened;
}

export const videoTime = (player: Page): Promise<number> =>
  player.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);

export async function playsPast(player: Page, secs: number): Promise<void> {
  await expect
    .poll(() => videoTime(player), { message: `plays past ${secs} s`, timeout: 30_000 })
    .toBeGreaterThan(secs);
}

/** How much the brightness of the present picture varies; 0 for a black or plain one. */
export function pictureVariance(player: Page): Promise<number> {
  return player.locator("video").evaluate((video: HTMLVideoElement) => {
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 36;
    const context = canvas.getContext("2d");
    if (!context) return 0;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const levels = Array.from({ length: data.length / 4 }, (_, index) => data[index * 4 + 1] ?? 0);
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    return levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / levels.length;
  });
}
