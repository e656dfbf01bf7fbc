// The program as a person starts it, without WebDriver.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { snapshot } from "./snapshot.mjs";
import { freePort, until } from "./webdriver.mjs";
import { BINARY } from "./window.mjs";

/** The player process has it from the program that started it; the address of its page is another one in each run. */
const MARK = "FRESHET_TEST_PORT";

const ofProcess = (pid, file) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
};

/** One start, which plays the source at once. */
export class Program {
  static async start(source, { options = [], env = {} } = {}) {
    const program = new Program();
    program.folder = mkdtempSync(join(tmpdir(), "freshet-data-"));
    program.port = await freePort();
    const args = ["--path", program.folder, "--port", String(program.port), "--no-dht"];
    program.startedAtMs = Date.now();
    program.log = "";
    program.child = spawn(BINARY, [...args, "--allow-private-networks", ...options, source], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env, [MARK]: String(program.port) },
    });
    for (const stream of [program.child.stdout, program.child.stderr])
      stream.on("data", (bytes) => (program.log += bytes));
    return program;
  }

  /** The player process, or `undefined`. */
  get player() {
    const beginning = `${BINARY}\0--player-window\0http://127.0.0.1:`;
    return readdirSync("/proc").find(
      (pid) =>
        /^[0-9]+$/.test(pid) &&
        // One that has ended and was not waited for has no command line any more.
        ofProcess(pid, "cmdline").startsWith(beginning) &&
        ofProcess(pid, "environ").includes(`\0${MARK}=${this.port}\0`),
    );
  }

  /** What the player process found in its environment, as text with zeros between. */
  get playerEnvironment() {
    return ofProcess(this.player, "environ");
  }

  async marks() {
    const { marks } = await snapshot(this.port);
    return marks.flatMap((torrent) => torrent.marks);
  }

  async positionSecs() {
    return Math.max(0, ...(await this.marks()).map((mark) => mark.position_secs));
  }

  /** Ends the program as a crash does, and waits until the player process has followed. */
  async kill() {
    const ended = new Promise((done) => this.child.once("exit", done));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await ended;
    }
    await until("the end of the player process", () => this.player === undefined, 10_000);
  }

  async end() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
