/* The films of the tests, made once and kept in the temporary folder: two minutes of work are not done twice. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Raise it when the films change. */
const VERSION = 1;

export const TORRENT_NAME = "Two rivers";
export const LONG_FILM = "long.mkv";
export const LONG_FILM_SECS = 400;
export const SHORT_FILM = "short.mp4";

export const clipsFolder = join(tmpdir(), `freshet-e2e-clips-${VERSION}`, TORRENT_NAME);

function makeFilm(path: string, secs: number): void {
  const input = (source: string) => ["-f", "lavfi", "-i", source];
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y"],
    ...input(`testsrc2=s=426x240:r=12:d=${secs}`),
    ...input(`sine=frequency=440:duration=${secs}`),
    // A key picture every two seconds.
    ...["-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-pix_fmt", "yuv420p"],
    ...["-c:a", "aac", "-b:a", "64k", path],
  ]);
}

export default function makeClips(): void {
  if (existsSync(clipsFolder)) return;
  const scratch = mkdtempSync(join(tmpdir(), "freshet-e2e-making-"));
  makeFilm(join(scratch, LONG_FILM), LONG_FILM_SECS);
  makeFilm(join(scratch, SHORT_FILM), 20);
  mkdirSync(dirname(clipsFolder), { recursive: true });
  try {
    renameSync(scratch, clipsFolder);
  } catch (error) {
    // Somebody else made them meanwhile.
    if (!existsSync(clipsFolder)) throw error;
    rmSync(scratch, { recursive: true });
  }
}
