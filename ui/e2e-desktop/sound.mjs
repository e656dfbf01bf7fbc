// What is really heard: a recorder at the sound server's null sink.

import { spawn } from "node:child_process";

import { until } from "./webdriver.mjs";

const SAMPLE_HZ = 8_000;
const HEARD_BYTES = 2 * Math.round(0.35 * SAMPLE_HZ);

/** How much of what is heard is this tone, from 0 to 1. */
export function share(samples, hz) {
  const step = (2 * Math.PI * hz) / SAMPLE_HZ;
  let [cosine, sine, all] = [0, 0, 0];
  samples.forEach((sample, at) => {
    cosine += sample * Math.cos(step * at);
    sine += sample * Math.sin(step * at);
    all += sample * sample;
  });
  return all === 0 ? 0 : (2 * (cosine ** 2 + sine ** 2)) / (samples.length * all);
}

/** Listens for the whole time: who comes and goes disturbs the sound server. */
export class Listener {
  #heard = Buffer.alloc(0);
  #recorder;

  constructor() {
    this.#recorder = spawn(
      "ffmpeg",
      [
        ...["-v", "error", "-fflags", "nobuffer", "-f", "pulse", "-i", "null.monitor"],
        ...["-ac", "1", "-ar", String(SAMPLE_HZ), "-f", "s16le", "-flush_packets", "1", "pipe:1"],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    this.#recorder.stdout.on(
      "data",
      (bytes) => (this.#heard = Buffer.concat([this.#heard, bytes]).subarray(-HEARD_BYTES)),
    );
  }

  /** The last third of a second of what the sound server plays. */
  samples() {
    const { buffer, byteOffset, byteLength } = this.#heard;
    return new Int16Array(buffer.slice(byteOffset, byteOffset + byteLength));
  }

  /** How loud that is, as the root of the mean square. */
  level() {
    const samples = this.samples();
    return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, samples.length));
  }

  hears(hz) {
    return until(`a tone of ${hz} Hz`, () => share(this.samples(), hz) > 0.8, 20_000);
  }

  stop() {
    this.#recorder.kill();
  }
}
