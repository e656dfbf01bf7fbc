/*
 * Louder than the film, and evenly loud at night. The sound goes through the browser's audio graph only from the first
 * time that somebody asks for either: there is no way back from it, and where it fails the film must still be heard.
 */
export const MAX_BOOST = 1.3;

export interface AudioGraph {
  set(gain: number, isNight: boolean): void;
}

/** Builds a graph behind a video; `null` where the view has none. */
export type BuildAudioGraph = (video: HTMLVideoElement) => AudioGraph | null;

export class SoundControl {
  isNight = $state(false);
  isAvailable = $state(true);

  readonly #build: BuildAudioGraph;
  #video: HTMLVideoElement | null = null;
  #graph: AudioGraph | null = null;
  #gain = 1;

  constructor(build: BuildAudioGraph = buildAudioGraph) {
    this.#build = build;
  }

  attach(video: HTMLVideoElement): void {
    if (this.#video !== video) this.#graph = null;
    this.#video = video;
  }

  /** 1 is the film as it is. Gives what is possible: 1 where the view can do no more. */
  boost(gain: number): number {
    this.#gain = Math.min(MAX_BOOST, Math.max(1, gain));
    this.#apply();
    return this.isAvailable ? this.#gain : 1;
  }

  toggleNight(): void {
    this.isNight = !this.isNight;
    this.#apply();
    if (!this.isAvailable) this.isNight = false;
  }

  #apply(): void {
    const isNeeded = this.#gain > 1 || this.isNight;
    if (this.#graph === null && isNeeded && this.isAvailable && this.#video) {
      this.#graph = this.#build(this.#video);
      this.isAvailable = this.#graph !== null;
    }
    this.#graph?.set(this.#gain, this.isNight);
  }
}

/** Explosions down to the level of speech, and all of it a little up. */
const NIGHT = { threshold: -42, knee: 24, ratio: 8, attack: 0.004, release: 0.3, makeUpGain: 1.6 } as const;

function buildAudioGraph(video: HTMLVideoElement): AudioGraph | null {
  if (!("AudioContext" in window)) return null;
  try {
    const context = new AudioContext();
    const source = context.createMediaElementSource(video);
    const gain = context.createGain();
    const compressor = context.createDynamicsCompressor();
    for (const name of ["threshold", "knee", "ratio", "attack", "release"] as const) {
      compressor[name].value = NIGHT[name];
    }
    gain.connect(context.destination);
    source.connect(gain);
    // A graph that sleeps would take the sound away; views wake it only after a press.
    const wake = () => void context.resume().catch(() => undefined);
    video.addEventListener("playing", wake);
    return {
      set(boost, isNight) {
        source.disconnect();
        compressor.disconnect();
        if (isNight) source.connect(compressor).connect(gain);
        else source.connect(gain);
        gain.gain.value = boost * (isNight ? NIGHT.makeUpGain : 1);
        wake();
      },
    };
  } catch {
    return null;
  }
}
