/* Which key does what in the player. Pure; letters count by their place where the layout is not Latin. */
export type PlayerAction =
  | { kind: "toggle_play" }
  | { kind: "seek_by"; secs: number; grows?: boolean }
  | { kind: "seek_fraction"; fraction: number }
  | { kind: "frame_step"; direction: Direction }
  | { kind: "chapter_step"; direction: Direction }
  | { kind: "file_step"; direction: Direction }
  | { kind: "skip" }
  | { kind: "volume_by"; amount: number }
  | { kind: "toggle_mute" }
  | { kind: "toggle_fullscreen" }
  | { kind: "escape" }
  | { kind: "leave" }
  | { kind: "next_audio" }
  | SubtitleAction
  | { kind: "speed_step"; direction: Direction }
  | { kind: "speed_reset" }
  | { kind: "cycle_aspect" }
  | { kind: "toggle_crop" }
  | { kind: "mark_loop" }
  | { kind: "go_to_time" }
  | { kind: "screenshot" }
  | { kind: "toggle_remaining" }
  | { kind: "toggle_on_top" }
  | { kind: "toggle_mini" }
  | { kind: "toggle_stats" }
  | { kind: "toggle_help" };

export type SubtitleAction =
  | { kind: "subtitle_toggle" }
  | { kind: "subtitle_next" }
  | { kind: "subtitle_second" }
  | { kind: "subtitle_delay"; direction: Direction }
  | { kind: "subtitle_size"; direction: Direction };

export type Direction = 1 | -1;

export interface Key {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

/** What stands on these places on a keyboard whose letters are Latin. */
const PUNCTUATION: Record<string, [plain: string, shifted: string]> = {
  BracketLeft: ["[", "{"],
  BracketRight: ["]", "}"],
  Comma: [",", "<"],
  Period: [".", ">"],
  Digit3: ["3", "#"],
};

/** The sign of the key, as on a Latin keyboard. */
function signOf(key: Key): string {
  const letter = /^Key([A-Z])$/.exec(key.code)?.[1];
  const isLatin = key.key.length !== 1 || key.key.charCodeAt(0) < 0x80;
  if (isLatin) return key.key.toLowerCase();
  return letter?.toLowerCase() ?? PUNCTUATION[key.code]?.[key.shiftKey ? 1 : 0] ?? key.key;
}

const VOLUME_STEP = 0.05;
/** How far the arrows jump while they are held: the steps of one second each, at the usual rate of repeats. */
const GROWING_STEPS = [5, 10, 20, 30] as const;
const REPEATS_PER_STEP = 8;

/** How far a held arrow jumps at its n-th repeat. */
export function grownStepSecs(repeatCount: number): number {
  const step = Math.min(Math.floor(repeatCount / REPEATS_PER_STEP), GROWING_STEPS.length - 1);
  return GROWING_STEPS[step] ?? 5;
}

export function actionOf(key: Key): PlayerAction | null {
  if (key.altKey || key.metaKey) return null;
  const sign = signOf(key);

  if (sign === "arrowleft" || sign === "arrowright") {
    const direction = sign === "arrowleft" ? -1 : 1;
    if (key.ctrlKey) return { kind: "seek_by", secs: 60 * direction };
    if (key.shiftKey) return { kind: "seek_by", secs: direction };
    return { kind: "seek_by", secs: 5 * direction, grows: true };
  }
  if (key.ctrlKey) return withCtrl(sign);
  if (/^[0-9]$/.test(sign)) return { kind: "seek_fraction", fraction: Number(sign) / 10 };
  if (key.shiftKey && sign === "l") return { kind: "mark_loop" };
  if (key.shiftKey && sign === "v") return { kind: "subtitle_second" };
  return PLAIN[sign] ?? null;
}

function withCtrl(sign: string): PlayerAction | null {
  switch (sign) {
    case "s":
      return { kind: "screenshot" };
    case "t":
      return { kind: "toggle_on_top" };
    case "m":
      return { kind: "toggle_mini" };
    case "g":
      return { kind: "go_to_time" };
    default:
      return null;
  }
}

const PLAIN: Partial<Record<string, PlayerAction>> = {
  " ": { kind: "toggle_play" },
  k: { kind: "toggle_play" },
  j: { kind: "seek_by", secs: -10 },
  l: { kind: "seek_by", secs: 10 },
  ",": { kind: "frame_step", direction: -1 },
  ".": { kind: "frame_step", direction: 1 },
  pageup: { kind: "chapter_step", direction: -1 },
  pagedown: { kind: "chapter_step", direction: 1 },
  p: { kind: "file_step", direction: -1 },
  n: { kind: "file_step", direction: 1 },
  s: { kind: "skip" },
  arrowup: { kind: "volume_by", amount: VOLUME_STEP },
  arrowdown: { kind: "volume_by", amount: -VOLUME_STEP },
  m: { kind: "toggle_mute" },
  f: { kind: "toggle_fullscreen" },
  enter: { kind: "toggle_fullscreen" },
  escape: { kind: "escape" },
  q: { kind: "leave" },
  home: { kind: "seek_fraction", fraction: 0 },
  end: { kind: "seek_fraction", fraction: 1 },
  b: { kind: "next_audio" },
  "#": { kind: "next_audio" },
  v: { kind: "subtitle_toggle" },
  c: { kind: "subtitle_next" },
  z: { kind: "subtitle_delay", direction: -1 },
  x: { kind: "subtitle_delay", direction: 1 },
  g: { kind: "subtitle_delay", direction: -1 },
  h: { kind: "subtitle_delay", direction: 1 },
  // Shift with minus and with equals.
  _: { kind: "subtitle_size", direction: -1 },
  "+": { kind: "subtitle_size", direction: 1 },
  "[": { kind: "speed_step", direction: -1 },
  "]": { kind: "speed_step", direction: 1 },
  "<": { kind: "speed_step", direction: -1 },
  ">": { kind: "speed_step", direction: 1 },
  backspace: { kind: "speed_reset" },
  a: { kind: "cycle_aspect" },
  w: { kind: "toggle_crop" },
  t: { kind: "toggle_remaining" },
  i: { kind: "toggle_stats" },
  "?": { kind: "toggle_help" },
  f1: { kind: "toggle_help" },
};

/** Whether the focused control has a use of its own for this key. */
export function belongsToControl(key: Key, target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input:not([type=range]), textarea, select")) return true;
  const isPressed = key.key === " " || key.key === "Enter";
  if (isPressed) return target.matches("button, a, [role^=menuitem], summary");
  return key.key.startsWith("Arrow") && target.matches("input[type=range], [role^=menuitem]");
}
