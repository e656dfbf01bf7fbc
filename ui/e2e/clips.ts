/* The films of the tests, made once and kept in the temporary folder: two minutes of work are not done twice. */
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeFormatClips } from "./format-clips.mjs";
import { makeOnce } from "./make-once.mjs";
import { makeSubtitled, SUBTITLED_NAME } from "./subtitle-clips";

/** Raise it when the films change. */
const VERSION = 3;

export const TORRENT_NAME = "Two rivers";
export const LONG_FILM = "long.mkv";
export const LONG_FILM_SECS = 400;
export const SHORT_FILM = "short.mp4";

export const SERIES_NAME = "River tales";
export const FIRST_EPISODE = "River tales E01.mkv";
export const SECOND_EPISODE = "River tales E02.mkv";
/** Long enough for the next episode to be offered. */
export const EPISODE_SECS = 640;
export const CREDITS_FROM_SECS = 600;

const allClips = join(tmpdir(), `freshet-e2e-clips-${VERSION}`);
export const clipsFolder = join(allClips, TORRENT_NAME);
export const seriesFolder = join(allClips, SERIES_NAME);
export const subtitledFolder = join(allClips, SUBTITLED_NAME);

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

const CHAPTERS: [title: string, startSecs: number, endSecs: number][] = [
  ["Opening", 0, 60],
  ["Up the river", 60, 300],
  ["Down the river", 300, CREDITS_FROM_SECS],
  ["End credits", CREDITS_FROM_SECS, EPISODE_SECS],
];

/** An episode with chapters and two languages. */
function makeEpisode(path: string, tone: number): void {
  const input = (source: string) => ["-f", "lavfi", "-i", source];
  const chapters = `${path}.ffmetadata`;
  writeFileSync(
    chapters,
    [
      ";FFMETADATA1",
      ...CHAPTERS.map(([title, start, end]) =>
        ["[CHAPTER]", "TIMEBASE=1/1", `START=${start}`, `END=${end}`, `title=${title}`].join("\n"),
      ),
    ].join("\n"),
  );
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y"],
    ...input(`testsrc2=s=320x180:r=12:d=${EPISODE_SECS}`),
    ...input(`sine=frequency=${tone}:duration=${EPISODE_SECS}`),
    ...["-i", chapters, "-map", "0:v", "-map", "1:a", "-map", "1:a", "-map_metadata", "2"],
    ...["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=rus"],
    ...["-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-pix_fmt", "yuv420p"],
    ...["-c:a", "aac", "-b:a", "48k", path],
  ]);
  rmSync(chapters);
}

export default function makeClips(): void {
  makeOnce(clipsFolder, (scratch) => {
    makeFilm(join(scratch, LONG_FILM), LONG_FILM_SECS);
    makeFilm(join(scratch, SHORT_FILM), 20);
  });
  makeOnce(seriesFolder, (scratch) => {
    makeEpisode(join(scratch, FIRST_EPISODE), 440);
    makeEpisode(join(scratch, SECOND_EPISODE), 660);
  });
  makeOnce(subtitledFolder, makeSubtitled);
  makeFormatClips();
}
