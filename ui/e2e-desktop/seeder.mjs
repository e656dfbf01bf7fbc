// A film that somebody else seeds on loopback.

import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * Makes a film of 400 s (long enough to be resumed) with a picture that is never black, and seeds it. Its frames wait for
 * later ones, so its sound begins before its picture, as in many real films.
 */
export async function seedFilm() {
  const folder = mkdtempSync(join(tmpdir(), "freshet-film-"));
  const film = join(folder, "Test film", "film.mkv");
  mkdirSync(join(folder, "Test film"));
  execFileSync("ffmpeg", [
    ...[
      "-v",
      "error",
      "-f",
      "lavfi",
      "-i",
      "testsrc2=s=426x240:r=10:d=400",
      "-f",
      "lavfi",
      "-i",
      "sine=d=400",
    ],
    ...["-c:v", "libx264", "-preset", "superfast", "-g", "20", "-c:a", "aac", film],
  ]);
  const seeder = await seed(join(folder, "Test film"));
  return {
    ...seeder,
    stop() {
      seeder.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Seeds a file or a folder until it is stopped. */
export async function seed(path) {
  const program = process.env.FRESHET_SEED ?? "../target/debug/examples/seed";
  // Serves until its input ends.
  const child = spawn(program, [path], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((done, fail) => {
    lines.once("line", done);
    child.once("exit", (code) => fail(new Error(`the seeder ended with ${code}`)));
  });
  return {
    magnet: JSON.parse(line).magnet,
    infoHash: JSON.parse(line).info_hash,
    stop: () => child.stdin.end(),
  };
}
