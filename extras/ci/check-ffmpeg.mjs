// usage: check-ffmpeg.mjs PROGRAM
// Ends with an error if an ffmpeg is older than the version whose known weaknesses are mended, or built under another license
// than the one that a package may hand on.

import { execFileSync } from "node:child_process";

const OLDEST = [8, 1, 2];

const words = execFileSync(process.argv[2], ["-version"], { encoding: "utf8" });
const version = /^ffmpeg version n?(\d+)\.(\d+)(?:\.(\d+))?/
  .exec(words)
  ?.slice(1)
  .map((part) => Number(part ?? 0));
const isOlder = (found) => {
  const differs = found.findIndex((part, place) => part !== OLDEST[place]);
  return differs >= 0 && found[differs] < OLDEST[differs];
};
if (!version || isOlder(version)) {
  console.error(`ffmpeg ${OLDEST.join(".")} or newer is wanted; this is ${words.split("\n")[0]}`);
  process.exit(1);
}
if (/--enable-(gpl|nonfree)/.test(words)) {
  console.error("this ffmpeg is not built under the LGPL");
  process.exit(1);
}
