// A W3C WebDriver client as small as these tests need it, for WebKitWebDriver from the system's packages.

import { spawn } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
/** Guards against hanging only. */
const PATIENCE_MS = 60_000;

/** Asks again until the answer is truthy, and gives it. */
export async function until(what, ask, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  let last;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`${what}: not in ${patienceMs / 1000} s`, { cause: last });
}

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** One start of the program under WebDriver's control. */
export class Session {
  #driver;
  #base;
  #binary;
  #args;

  static async start(binary, args, env = {}) {
    // This is how the program knows that its web views are to be driven.
    const automation = { TAURI_WEBVIEW_AUTOMATION: "true", ...env };
    const options = { "webkitgtk:browserOptions": { binary, args } };
    const session = await Session.#open([], options, automation);
    session.#binary = binary;
    session.#args = args;
    return session;
  }

  /** Drives a view that runs already, and was told to listen at this address. */
  static attach(address) {
    return Session.#open([`--target=${address}`], {}, {});
  }

  static async #open(options, capabilities, env) {
    const port = await freePort();
    const driver = spawn("WebKitWebDriver", [`--port=${port}`, ...options], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...env },
    });
    const session = new Session();
    session.#driver = driver;
    const url = `http://127.0.0.1:${port}`;
    try {
      await until("the driver", async () => (await fetch(`${url}/status`)).ok);
      const { sessionId } = await request("POST", `${url}/session`, {
        capabilities: { alwaysMatch: capabilities },
      });
      session.#base = `${url}/session/${sessionId}`;
    } catch (error) {
      driver.kill("SIGKILL");
      throw error;
    }
    return session;
  }

  get(path) {
    return request("GET", `${this.#base}${path}`);
  }

  post(path, body = {}) {
    return request("POST", `${this.#base}${path}`, body);
  }

  windows() {
    return this.get("/window/handles");
  }

  switchTo(handle) {
    return this.post("/window", { handle });
  }

  closeWindow() {
    return request("DELETE", `${this.#base}/window`);
  }

  run(script, ...args) {
    return this.post("/execute/sync", { script, args });
  }

  async find(css) {
    const element = await this.post("/element", { using: "css selector", value: css });
    return element[ELEMENT];
  }

  async click(css) {
    await this.post(`/element/${await this.find(css)}/click`);
  }

  /** Presses keys on whatever has the focus. */
  async press(...keys) {
    const actions = keys.flatMap((key) => [
      { type: "keyDown", value: key },
      { type: "keyUp", value: key },
    ]);
    await this.post("/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async screenshot() {
    return Buffer.from(await this.get("/screenshot"), "base64");
  }

  /** Closes every window, which ends the program, and waits until it has; then ends the driver. */
  async end() {
    for (const handle of await this.windows().catch(() => [])) {
      await this.switchTo(handle).catch(() => {});
      await this.closeWindow().catch(() => {});
    }
    await this.#programEnds();
    await this.detach();
  }

  /** Ends the driver alone. */
  async detach() {
    const gone = new Promise((done) => this.#driver.once("exit", done));
    await request("DELETE", this.#base).catch(() => {});
    this.#driver.kill();
    await gone;
  }

  async #programEnds() {
    const pids = () => programs(this.#binary, this.#args);
    try {
      await until("the end of the program", () => pids().length === 0, 20_000);
    } catch (error) {
      for (const pid of pids()) process.kill(pid, "SIGKILL");
      throw error;
    }
  }
}

/** The processes that were started with exactly this command line. */
function programs(binary, args) {
  const commandLine = [binary, ...args, ""].join("\0");
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^[0-9]+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "latin1") === commandLine;
    } catch {
      return false;
    }
  });
}

async function request(method, url, body) {
  const response = await fetch(url, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${method} ${url}: ${value?.error}: ${value?.message}`);
  return value;
}
