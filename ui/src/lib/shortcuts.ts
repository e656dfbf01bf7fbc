/* The keys, as people are told of them. What they do stands in `features/player/keybinds.ts` and where the app's are heard. */
import type { MessageKey } from "./i18n/translate";

export interface Shortcut {
  keys: string[];
  does: MessageKey;
}

export const PLAYER_SHORTCUTS: Shortcut[] = [
  { keys: ["Space", "K"], does: "keys.playPause" },
  { keys: ["Space"], does: "keys.hold" },
  { keys: ["←", "→"], does: "keys.seek5" },
  { keys: ["J", "L"], does: "keys.seek10" },
  { keys: ["Shift ←", "Shift →"], does: "keys.seek1" },
  { keys: ["Ctrl ←", "Ctrl →"], does: "keys.seek60" },
  { keys: [",", "."], does: "keys.frame" },
  { keys: ["0", "9"], does: "keys.percent" },
  { keys: ["Home", "End"], does: "keys.ends" },
  { keys: ["Ctrl G"], does: "keys.goTo" },
  { keys: ["PgUp", "PgDn"], does: "keys.chapter" },
  { keys: ["P", "N"], does: "keys.file" },
  { keys: ["S"], does: "keys.skip" },
  { keys: ["Shift L"], does: "keys.loop" },
  { keys: ["↑", "↓"], does: "keys.volume" },
  { keys: ["M"], does: "keys.mute" },
  { keys: ["B", "#"], does: "keys.audio" },
  { keys: ["V"], does: "keys.subtitles" },
  { keys: ["C"], does: "keys.nextSubtitle" },
  { keys: ["Shift V"], does: "keys.secondSubtitle" },
  { keys: ["Z", "X"], does: "keys.subtitleDelay" },
  { keys: ["Shift −", "Shift ="], does: "keys.subtitleSize" },
  { keys: ["[", "]"], does: "keys.speed" },
  { keys: ["Backspace"], does: "keys.speedReset" },
  { keys: ["A"], does: "keys.aspect" },
  { keys: ["W"], does: "keys.crop" },
  { keys: ["F", "Enter"], does: "keys.fullscreen" },
  { keys: ["Ctrl M"], does: "keys.mini" },
  { keys: ["Ctrl T"], does: "keys.onTop" },
  { keys: ["Ctrl S"], does: "keys.screenshot" },
  { keys: ["T"], does: "keys.remaining" },
  { keys: ["I"], does: "keys.stats" },
  { keys: ["?", "F1"], does: "keys.help" },
  { keys: ["Q"], does: "keys.leave" },
  { keys: ["Esc"], does: "keys.escape" },
];

export const APP_SHORTCUTS: Shortcut[] = [
  { keys: ["Ctrl V"], does: "keys.paste" },
  { keys: ["Ctrl ,"], does: "keys.settings" },
  { keys: ["Ctrl +", "Ctrl −"], does: "keys.zoom" },
  { keys: ["Ctrl 0"], does: "keys.zoomReset" },
];
