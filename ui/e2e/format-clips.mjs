// Short films in the formats that people have, for both end-to-end tests: a moving picture and a tone of 440 Hz.

import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { makeOnce } from "./make-once.mjs";

/** Raise it when the films change. */
const VERSION = 2;
export const CLIP_SECS = 12;
export const TONE_HZ = 440;
export const SECOND_TONE_HZ = 880;

const H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "24"];
const HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=24"];
const MPEG4 = ["-c:v", "mpeg4", "-q:v", "4", "-g", "24"];
const AAC = ["-c:a", "aac"];
const PLAIN = ["-pix_fmt", "yuv420p"];
const TEN_BIT = ["-pix_fmt", "yuv420p10le"];

/**
 * Name of the file, how it is made, and what is special about it.
 *
 * @type {{ name: string, make: string[], isSoundOnly?: boolean, isPiped?: boolean, audioTracks?: number }[]}
 */
export const FORMAT_CLIPS = [
  { name: "h264 aac.mp4", make: [...H264, ...PLAIN, ...AAC] },
  { name: "h264 aac, index first.mp4", make: [...H264, ...PLAIN, ...AAC, "-movflags", "+faststart"] },
  { name: "h264 aac.mkv", make: [...H264, ...PLAIN, ...AAC] },
  { name: "h264 aac, two languages.mkv", make: [...H264, ...PLAIN, ...AAC], audioTracks: 2 },
  { name: "h264 aac, no index.mkv", make: [...H264, ...PLAIN, ...AAC, "-f", "matroska"], isPiped: true },
  {
    name: "h264 aac, frames that wait.mkv",
    make: [...H264, "-preset", "superfast", "-bf", "3", ...PLAIN, ...AAC],
  },
  { name: "h264 ac3.mkv", make: [...H264, ...PLAIN, "-c:a", "ac3"] },
  { name: "h264 eac3.mkv", make: [...H264, ...PLAIN, "-c:a", "eac3"] },
  { name: "h264 dts.mkv", make: [...H264, ...PLAIN, "-c:a", "dca", "-strict", "-2"] },
  { name: "h264 10-bit aac.mkv", make: [...H264, ...TEN_BIT, ...AAC] },
  { name: "hevc ac3.mkv", make: [...HEVC, ...PLAIN, "-c:a", "ac3"] },
  { name: "hevc 10-bit aac.mkv", make: [...HEVC, ...TEN_BIT, ...AAC] },
  {
    name: "av1 opus.mkv",
    make: ["-c:v", "libaom-av1", "-cpu-used", "8", "-g", "24", "-b:v", "300k", ...PLAIN, "-c:a", "libopus"],
  },
  {
    name: "vp9 opus.mkv",
    make: [
      "-c:v",
      "libvpx-vp9",
      "-cpu-used",
      "8",
      "-deadline",
      "realtime",
      "-g",
      "24",
      ...PLAIN,
      "-c:a",
      "libopus",
    ],
  },
  { name: "mpeg4 mp3.mkv", make: [...MPEG4, "-c:a", "libmp3lame"] },
  { name: "mpeg4 mp3.avi", make: [...MPEG4, "-c:a", "libmp3lame"] },
  { name: "h264 aac.ts", make: [...H264, ...PLAIN, ...AAC] },
  { name: "mpeg2 mp2.ts", make: ["-c:v", "mpeg2video", "-q:v", "4", "-g", "12", ...PLAIN, "-c:a", "mp2"] },
  // Noise in its second half: most of the bytes belong to half of the time.
  {
    name: "h264 aac, uneven.mkv",
    make: [...H264, ...PLAIN, ...AAC, "-vf", "noise=alls=60:allf=t:enable='gt(t,6)'"],
  },
  { name: "sound.mp3", make: ["-c:a", "libmp3lame"], isSoundOnly: true },
  { name: "sound.flac", make: ["-c:a", "flac"], isSoundOnly: true },
  { name: "sound.ogg", make: ["-c:a", "libvorbis"], isSoundOnly: true },
];

export const FORMATS_NAME = "Formats";
export const SOUNDS_NAME = "Sounds";
const allClips = join(tmpdir(), `freshet-e2e-formats-${VERSION}`);
export const formatsFolder = join(allClips, FORMATS_NAME);
export const soundsFolder = join(allClips, SOUNDS_NAME);

const tone = (hz) => ["-f", "lavfi", "-i", `sine=frequency=${hz}:sample_rate=48000:duration=${CLIP_SECS}`];

function makeClip(folder, { name, make, isSoundOnly, isPiped, audioTracks }) {
  const path = join(folder, name);
  const picture = ["-f", "lavfi", "-i", `testsrc2=s=320x180:r=24:d=${CLIP_SECS}`];
  const inputs = [
    ...(isSoundOnly ? [] : picture),
    ...tone(TONE_HZ),
    ...(audioTracks === 2 ? tone(SECOND_TONE_HZ) : []),
  ];
  const maps =
    audioTracks === 2
      ? [
          ...["-map", "0:v", "-map", "1:a", "-map", "2:a"],
          ...["-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=fra"],
        ]
      : [];
  const args = ["-v", "error", "-y", ...inputs, ...maps, "-ac", "2", ...make];
  if (!isPiped) {
    execFileSync("ffmpeg", [...args, path]);
    return;
  }
  // What can't be gone back in has no index.
  const file = openSync(path, "w");
  execFileSync("ffmpeg", [...args, "pipe:1"], { stdio: ["ignore", file, "inherit"] });
  closeSync(file);
}

/** Makes what is not there yet. */
export function makeFormatClips() {
  for (const [folder, isSoundOnly] of [
    [formatsFolder, false],
    [soundsFolder, true],
  ]) {
    const clips = FORMAT_CLIPS.filter((clip) => (clip.isSoundOnly ?? false) === isSoundOnly);
    makeOnce(folder, (scratch) => clips.forEach((clip) => makeClip(scratch, clip)));
  }
}
