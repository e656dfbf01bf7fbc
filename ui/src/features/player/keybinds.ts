/* Which key does what in the player. Pure; letters count by their place where the layout is not Latin. */
export type PlayerAction =
  | { kind: "toggle_play" }
  | { kind: "seek_by"; secs: number }
  | { kind: "seek_fraction"; fraction: number }
  | { kind: "volume_by"; amount: number }
  | { kind: "toggle_mute" }
  | { kind: "toggle_fullscreen" }
  | { kind: "escape" }
  | { kind: "speed_step"; direction: 1 | -1 }
  | { kind: "speed_reset" }
  | { kind: "toggle_stats" }
  | { kind: "toggle_help" };

export interface Key {
  key: string;
  code: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
}

const PUNCTUATION: Record<string, string> = { BracketLeft: "[", BracketRight: "]" };

/** The sign of the key, as on a Latin keyboard. */
function signOf(key: Key): string {
  if (key.key.length !== 1 || key.key.charCodeAt(0) < 0x80) return key.key.toLowerCase();
  const letter = /^Key([A-Z])$/.exec(key.code)?.[1];
  return letter?.toLowerCase() ?? PUNCTUATION[key.code] ?? key.key;
}

const VOLUME_STEP = 0.05;

export function actionOf(key: Key): PlayerAction | null {
  if (key.altKey || key.metaKey) return null;
  const sign = signOf(key);

  if (sign === "arrowleft" || sign === "arrowright") {
    const step = key.ctrlKey ? 60 : key.shiftKey ? 1 : 5;
    return { kind: "seek_by", secs: sign === "arrowleft" ? -step : step };
  }
  if (key.ctrlKey) return null;
  if (/^[0-9]$/.test(sign)) return { kind: "seek_fraction", fraction: Number(sign) / 10 };

  switch (sign) {
    case " ":
    case "k":
      return { kind: "toggle_play" };
    case "j":
      return { kind: "seek_by", secs: -10 };
    case "l":
      return { kind: "seek_by", secs: 10 };
    case "arrowup":
      return { kind: "volume_by", amount: VOLUME_STEP };
    case "arrowdown":
      return { kind: "volume_by", amount: -VOLUME_STEP };
    case "m":
      return { kind: "toggle_mute" };
    case "f":
    case "enter":
      return { kind: "toggle_fullscreen" };
    case "escape":
      return { kind: "escape" };
    case "home":
      return { kind: "seek_fraction", fraction: 0 };
    case "end":
      return { kind: "seek_fraction", fraction: 1 };
    case "[":
      return { kind: "speed_step", direction: -1 };
    case "]":
      return { kind: "speed_step", direction: 1 };
    case "backspace":
      return { kind: "speed_reset" };
    case "i":
      return { kind: "toggle_stats" };
    case "?":
    case "f1":
      return { kind: "toggle_help" };
    default:
      return null;
  }
}

/** Whether the focused control has a use of its own for this key. */
export function belongsToControl(key: Key, target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.matches("input:not([type=range]), textarea, select")) return true;
  const isPressed = key.key === " " || key.key === "Enter";
  if (isPressed) return target.matches("button, a, [role^=menuitem], summary");
  return key.key.startsWith("Arrow") && target.matches("input[type=range], [role^=menuitem]");
}
