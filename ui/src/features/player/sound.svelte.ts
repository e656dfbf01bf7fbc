/*
 * How loud a video is: also louder than the film, and evenly loud at night. The sound goes through the browser's audio graph only
 * from the first time that somebody asks for either: there is no way back from it, and where it fails the film must still be
 * heard. From then on all loudness is the graph's: behind one, not every view obeys the video's own volume.
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
  #level = 1;
  #isMuted = false;

  constructor(build: BuildAudioGraph = buildAudioGraph) {
    this.#build = build;
  }

  attach(video: HTMLVideoElement): void {
    if (this.#video !== video) this.#graph = null;
    this.#video = video;
  }

  /** 1 is the film as it is. Gives what is possible: no more than 1 where the view can do no more. */
  set(level: number, isMuted: boolean): number {
    this.#level = Math.min(MAX_BOOST, Math.max(0, level));
    this.#isMuted = isMuted;
    this.#apply();
    return this.isAvailable ? this.#level : Math.min(1, this.#level);
  }

  toggleNight(): void {
    this.isNight = !this.isNight;
    this.#apply();
    if (!this.isAvailable) this.isNight = false;
  }

  #apply(): void {
    const video = this.#video;
    if (video === null) return;
    const isNeeded = this.#level > 1 || this.isNight;
    if (this.#graph === null && isNeeded && this.isAvailable) {
      this.#graph = this.#build(video);
      this.isAvailable = this.#graph !== null;
    }
    const graph = this.#graph;
    graph?.set(this.#isMuted ? 0 : this.#level, this.isNight);
    video.volume = graph ? 1 : Math.min(1, this.#level);
    video.muted = this.#isMuted && !graph;
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
