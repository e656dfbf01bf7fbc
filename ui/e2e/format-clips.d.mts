export interface FormatClip {
  name: string;
  make: string[];
  isSoundOnly?: boolean;
  isPiped?: boolean;
  audioTracks?: number;
}
export const CLIP_SECS: number;
export const TONE_HZ: number;
export const SECOND_TONE_HZ: number;
export const FORMAT_CLIPS: FormatClip[];
export const FORMATS_NAME: string;
export const SOUNDS_NAME: string;
export const formatsFolder: string;
export const soundsFolder: string;
export function makeFormatClips(): void;
