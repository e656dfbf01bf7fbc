// What is really on the screen: the film below the page is in no picture that the web view gives.

import { execFileSync } from "node:child_process";
import { join } from "node:path";

import { until } from "./webdriver.mjs";
import { PICTURES } from "./window.mjs";

export const xdotool = (...args) => execFileSync("xdotool", args, { encoding: "utf8" }).trim();

const importOf = (window, ...args) => execFileSync("import", ["-silent", "-window", window, ...args]);

/** The newest window with such a title, or `undefined`. */
export function windowOf(title) {
  try {
    return xdotool("search", "--name", title).split("\n").at(-1);
  } catch {
    return undefined;
  }
}

export const playerWindow = (title) => until("the player window", () => windowOf(title));

/** The middle of the window, as a few bytes of color. */
export const colors = (window) =>
  importOf(window, "-gravity", "center", "-crop", "60%x50%+0+0", "-resize", "32x18!", "-depth", "8", "rgb:-");

/** How much of the picture has a strong color: nearly all of the film, and next to nothing of the page. */
export function colorfulShare(bytes) {
  let count = 0;
  for (let at = 0; at + 2 < bytes.length; at += 3) {
    const pixel = bytes.subarray(at, at + 3);
    if (Math.max(...pixel) - Math.min(...pixel) > 100) count += 1;
  }
  return count / (bytes.length / 3);
}

export const keep = (window, name) => importOf(window, join(PICTURES, `${name}.png`));

/** Waits for the film's picture, and that it moves. */
export async function movingPicture(window) {
  await until("a picture", () => colorfulShare(colors(window)) > 0.5);
  const before = colors(window);
  await until("a picture that moves", () => !before.equals(colors(window)));
}

export const standingPicture = (window) =>
  until("a picture that stands", async () => {
    const before = colors(window);
    await new Promise((done) => setTimeout(done, 500));
    return before.equals(colors(window));
  });
