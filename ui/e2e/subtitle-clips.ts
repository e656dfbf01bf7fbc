/* A film with subtitles of all kinds inside it and beside it; some of them mean harm. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export const SUBTITLED_NAME = "Spoken river";
export const SUBTITLED_FILM = "Spoken river.mkv";
export const SUBTITLED_MP4 = "Spoken short.mp4";
export const SUBTITLED_SECS = 120;

/** Addresses that nothing may ever ask. */
export const EVIL = "evil.example";

const two = (number: number) => String(number).padStart(2, "0");
const clock = (secs: number) =>
  `${two(Math.floor(secs / 3600))}:${two(Math.floor(secs / 60) % 60)}:${two(secs % 60)}`;

/** Each three seconds a line that stays for two, from the film's beginning on. */
export const lineAt = (secs: number, words: string): string | null =>
  secs >= 0 && secs % 3 < 2 ? `${words} ${Math.floor(secs / 3)}` : null;

export function srt(words: string, secs = SUBTITLED_SECS): string {
  const cues = Array.from({ length: Math.floor(secs / 3) }, (_, number) => {
    const start = number * 3;
    return `${number + 1}\n${clock(start)},000 --> ${clock(start + 2)},000\n${words} ${number}\n`;
  });
  return cues.join("\n");
}

const HOSTILE = [
  `<script>window.harmed = 1; fetch("http://${EVIL}/script")</script>`,
  `<img src="http://${EVIL}/image.png" onerror="window.harmed = 2">`,
  `<svg onload="window.harmed = 3"><a href="http://${EVIL}/">x</a></svg>`,
  `<iframe src="http://${EVIL}/frame"></iframe><b onclick="window.harmed = 4">bold</b>`,
  `<font color="red" style="background:url(http://${EVIL}/style)" onmouseover="window.harmed = 5">font</font>`,
  `{\\an8}<style>@import url(http://${EVIL}/css);</style>`,
  `&lt;script&gt;window.harmed = 6&lt;/script&gt; \u202E reversed`,
  `<video src=http://${EVIL}/v autoplay></video><base href=http://${EVIL}/>`,
];

export function hostileSrt(): string {
  return HOSTILE.map((text, index) => `${index + 1}\n${clock(0)},000 --> ${clock(100)},000\n${text}\n`).join(
    "\n",
  );
}

export function hostileVtt(): string {
  const head = `WEBVTT\n\nSTYLE\n::cue { background-image: url(http://${EVIL}/cue) }\n\nREGION\nid:x\n\n`;
  return head + HOSTILE.map((text) => `00:00.000 --> 01:40.000\n${text}\n`).join("\n");
}

const ASS_HEAD = (font: string) => `[Script Info]
ScriptType: v4.00+
PlayResX: 640
PlayResY: 360

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,${font},48,&H00FFFFFF,&H000000FF,&H00000000,&H00000000,0,0,0,0,100,100,0,0,1,2,0,5,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
`;

const assEvent = (start: number, end: number, text: string) =>
  `Dialogue: 0,0:${two(Math.floor(start / 60))}:${two(start % 60)}.00,0:${two(Math.floor(end / 60))}:${two(end % 60)}.00,Default,,0,0,0,,${text}\n`;

/** Words in the film's font, then the same in ours, two seconds each. */
export function ass(): string {
  const events = Array.from({ length: SUBTITLED_SECS / 2 }, (_, number) =>
    assEvent(
      number * 2,
      number * 2 + 2,
      `{\\c&H0000FF&${number % 2 === 0 ? "" : "\\fnLiberation Sans"}}SCRIPT WORDS`,
    ),
  );
  return ASS_HEAD("Inter") + events.join("");
}

export function hostileAss(): string {
  const fonts = [`http://${EVIL}/font.ttf`, `//${EVIL}/f`, "../../../etc/passwd", "file:///etc/passwd"];
  const events = fonts.map((font) => assEvent(0, 100, `{\\fn${font}}x<img src=http://${EVIL}/ass>`));
  const heavy = assEvent(0, 100, `{\\blur100\\fs9999\\bord999\\p1}m 0 0 l 1 1${" l 9 9".repeat(2000)}`);
  return `${ASS_HEAD(`http://${EVIL}/style.ttf`)}${events.join("")}${heavy}
[Fonts]
fontname: http://${EVIL}/embedded.ttf
!!!!

[Graphics]
filename: http://${EVIL}/g.png
`;
}

/** Pictures of a disc: a white block from the first to the second moment, once each eight seconds. */
export function sup(secs: number): Buffer {
  const [width, height, side] = [640, 360, 60];
  const segment = (kind: number, body: Buffer) =>
    Buffer.concat([Buffer.from([kind, body.length >> 8, body.length & 255]), body]);
  const number16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
  const at = (clockSecs: number, parts: Buffer[]) =>
    parts.map((part) => {
      const head = Buffer.alloc(10);
      head.write("PG");
      head.writeUInt32BE(clockSecs * 90_000, 2);
      return Buffer.concat([head, part]);
    });
  const line = Buffer.from([0, 0x80 | side, 1, 0, 0]);
  const pixels = Buffer.concat(Array.from({ length: side }, () => line));
  const windows = segment(0x17, Buffer.concat([Buffer.from([1, 0]), number16(288, 148, side, side)]));
  const show = (number: number) => [
    segment(
      0x16,
      Buffer.concat([
        number16(width, height),
        Buffer.from([0x10]),
        number16(number),
        Buffer.from([0x80, 0, 0, 1]),
        number16(0),
        Buffer.from([0, 0]),
        number16(288, 148),
      ]),
    ),
    windows,
    segment(0x14, Buffer.from([0, 0, 1, 235, 128, 128, 255])),
    segment(
      0x15,
      Buffer.concat([
        number16(0),
        Buffer.from([0, 0xc0, 0, ...number16(pixels.length + 4)]),
        number16(side, side),
        pixels,
      ]),
    ),
    segment(0x80, Buffer.alloc(0)),
  ];
  const hide = (number: number) => [
    segment(
      0x16,
      Buffer.concat([
        number16(width, height),
        Buffer.from([0x10]),
        number16(number),
        Buffer.from([0x80, 0, 0, 0]),
      ]),
    ),
    windows,
    segment(0x80, Buffer.alloc(0)),
  ];
  const sets: Buffer[] = [];
  for (let start = 0; start < secs; start += 8) {
    sets.push(...at(start, show(start)), ...at(start + 4, hide(start + 4)));
  }
  return Buffer.concat(sets);
}

/** windows-1251, which Node can't write. */
export function windows1251(text: string): Buffer {
  return Buffer.from(
    [...text].map((char) => {
      const code = char.codePointAt(0) ?? 0;
      if (code < 0x80) return code;
      if (code >= 0x410 && code <= 0x44f) return code - 0x410 + 0xc0;
      throw new Error(`no ${char} in windows-1251`);
    }),
  );
}

export const RUSSIAN = "Здравствуйте дорогие друзья";

export function makeSubtitled(folder: string): void {
  mkdirSync(join(folder, "Subs"), { recursive: true });
  const put = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const inside = [
    put("in.srt", srt("inside")),
    put("in.forced.srt", "1\n00:00:00,000 --> 00:01:40,000\nforced sign\n"),
    put("in.ass", ass()),
    put("in.sup", sup(SUBTITLED_SECS)),
  ];
  const inter = dirname(createRequire(import.meta.url).resolve("@fontsource-variable/inter/package.json"));
  const font = join(folder, "Inter.woff2");
  copyFileSync(join(inter, "files/inter-latin-wght-normal.woff2"), font);
  const source = (text: string) => ["-f", "lavfi", "-i", text];
  const coding = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-g",
    "24",
    "-pix_fmt",
    "yuv420p",
    "-c:a",
    "aac",
  ];
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y", "-copyts"],
    ...source(`color=c=0x203040:s=640x360:r=24:d=${SUBTITLED_SECS}`),
    ...source(`sine=frequency=330:duration=${SUBTITLED_SECS}`),
    ...inside.flatMap((path) => ["-i", path]),
    ...["-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map", "4", "-map", "5"],
    ...["-metadata:s:a:0", "language=jpn"],
    ...["-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=rus"],
    ...[
      "-metadata:s:s:2",
      "language=eng",
      "-metadata:s:s:2",
      "title=Signs",
      "-metadata:s:s:3",
      "language=ger",
    ],
    ...["-disposition:s:0", "default", "-disposition:s:1", "forced"],
    ...coding,
    ...["-c:s", "copy", "-attach", font, "-metadata:s:t", "mimetype=font/woff2"],
    join(folder, SUBTITLED_FILM),
  ]);
  execFileSync("ffmpeg", [
    ...["-v", "error", "-y"],
    ...source("color=c=0x403020:s=320x180:r=24:d=60"),
    ...source("sine=frequency=330:duration=60"),
    ...["-i", put("mp4.srt", srt("from mp4", 60)), "-map", "0", "-map", "1", "-map", "2"],
    ...["-metadata:s:a:0", "language=jpn", "-metadata:s:s:0", "language=eng", ...coding, "-c:s", "mov_text"],
    join(folder, SUBTITLED_MP4),
  ]);
  for (const path of [...inside, font, join(folder, "mp4.srt")]) rmSync(path);
  put("Spoken river.ru.srt", windows1251(srt(RUSSIAN)));
  put("Spoken river.fr.srt", hostileSrt());
  put("Spoken river.fr.vtt", hostileVtt());
  put("Spoken river.it.ass", hostileAss());
  put("Subs/Spoken river.sv.sup", sup(SUBTITLED_SECS));
}
