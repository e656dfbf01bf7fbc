export interface CodecClip {
  name: string;
  make: string[];
  isSoundOnly?: boolean;
  isPiped?: boolean;
  audioTracks?: number;
}
export const CLIP_SECS: number;
export const TONE_HZ: number;
export const SECOND_TONE_HZ: number;
export const CODEC_CLIPS: CodecClip[];
export const CODECS_NAME: string;
export const SOUNDS_NAME: string;
export const codecsFolder: string;
export const soundsFolder: string;
export function makeCodecClips(): void;
