// The desktop's side for tests: what takes in tray icons and notifications, and the windows that can be seen.

import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { until } from "./webdriver.mjs";

/** A service of the desktop that speaks JSON lines. */
class Service {
  #child;
  #lines;

  constructor(script) {
    const path = new URL(script, import.meta.url).pathname;
    this.#child = spawn("/usr/bin/python3", [path], { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async hear() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the desktop's service ended");
    return JSON.parse(value);
  }

  write(command) {
    this.#child.stdin.write(`${command}\n`);
  }

  async ask(command) {
    this.write(command);
    const { answer, error } = await this.hear();
    if (error) throw new Error(`${command}: ${error}`);
    return answer;
  }

  stop() {
    this.#child.kill();
  }
}

/** Where tray icons are shown and their menus worked. */
export class TrayHost extends Service {
  constructor() {
    super("tray-host.py");
  }
}

/** What a screen reader finds in the windows. */
export class ScreenReader extends Service {
  constructor() {
    super("at-spi.py");
  }
}

/** Where notifications are shown and pressed. */
export class NotificationHost extends Service {
  constructor() {
    super("notification-host.py");
  }
}

/** The X windows with this title that can be seen. */
export function windows(title = "^Freshet$") {
  try {
    const found = execFileSync("xdotool", ["search", "--onlyvisible", "--name", title], { stdio: "pipe" });
    return found.toString().trim().split("\n");
  } catch {
    // None: that is how it says so.
    return [];
  }
}

export const windowShown = async (title) => await until(`the window ${title ?? ""}`, () => windows(title)[0]);

/** Closes a window as a person does. */
export function closeWindow(window) {
  execFileSync("xdotool", ["windowactivate", "--sync", window, "key", "alt+F4"]);
}

export function press(window, ...keys) {
  execFileSync("xdotool", ["windowactivate", "--sync", window, "key", ...keys]);
}

/** Runs a command of the program, as its pages do. */
export async function rpc(server, command, payload) {
  const response = await fetch(`${server}/rpc/${command}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Freshet": "1" },
    body: JSON.stringify(payload),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${command}: ${text}`);
  return JSON.parse(text);
}

/** The first event of the stream, which is a snapshot. */
export async function snapshot(server) {
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
