/*
 * What goes on next, opened while the present film still runs: when it is wanted, its first picture is the only thing that is
 * missing.
 */
import type { MediaRun, PlaybackTicket, PlayerTarget } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { formatTarget } from "../../lib/host/host";
import type { FetchPart, PartAnswer } from "./feeder";
import { Reporter } from "./reporter";

/** The header, and enough behind it for a picture. */
const FIRST_PARTS = 2;

export interface Prepared {
  ticket: PlaybackTicket;
  /** Nothing is made ready beforehand of a file that is played as it is. */
  run: MediaRun | undefined;
  audioStream: number | null;
}

/** Opens a playback of what this view can play. */
export async function askForTicket(
  host: Host,
  target: PlayerTarget,
  canPlayType: (mime: string) => boolean,
): Promise<PlaybackTicket> {
  const info = await host.call("app_info", {});
  return host.call("playback_open", { ...target, playable_types: info.probed_types.filter(canPlayType) });
}

/** Ends a playback that was never shown. */
export function giveUp(host: Host, ticket: PlaybackTicket): void {
  new Reporter(host, ticket.playback_id, ticket.duration_secs).report("closed", ticket.resume_at_secs);
}

export interface PreparedParts {
  canPlayType(mime: string): boolean;
  fetchPart: FetchPart;
  chooseAudio(ticket: PlaybackTicket): number | null;
  isFed: boolean;
}

interface Preparing {
  name: string;
  result: Promise<Prepared | null>;
  abort: AbortController;
}

export class Upcoming {
  readonly #host: Host;
  readonly #parts: PreparedParts;
  readonly #fetched = new Map<string, PartAnswer[]>();
  #preparing: Preparing | null = null;

  constructor(host: Host, parts: PreparedParts) {
    this.#host = host;
    this.#parts = parts;
  }

  /** Opens a file ahead of time; the one that was opened so before is given up. */
  prepare(target: Required<PlayerTarget>): void {
    if (this.has(target)) return;
    this.drop();
    const abort = new AbortController();
    // What fails here is told when it is really opened.
    const result = this.#open(target, abort.signal).catch(() => null);
    this.#preparing = { name: formatTarget(target), result, abort };
  }

  has(target: Required<PlayerTarget>): boolean {
    return this.#preparing?.name === formatTarget(target);
  }

  /** What was prepared of this file, if anything was; it is the caller's from here on. Anything else is given up. */
  take(target: PlayerTarget): Promise<Prepared | null> {
    const preparing = this.#preparing;
    if (preparing?.name !== formatTarget(target)) {
      this.drop();
      return Promise.resolve(null);
    }
    this.#preparing = null;
    return preparing.result;
  }

  drop(): void {
    const preparing = this.#preparing;
    this.#preparing = null;
    preparing?.abort.abort();
    void preparing?.result.then((prepared) => {
      if (prepared !== null) giveUp(this.#host, prepared.ticket);
    });
    this.#fetched.clear();
  }

  /** The parts that are here already come from here, each once. */
  readonly fetchPart: FetchPart = (path, part, signal) => {
    const fetched = this.#fetched.get(path)?.[part];
    if (fetched === undefined) return this.#parts.fetchPart(path, part, signal);
    if (part === FIRST_PARTS - 1) this.#fetched.delete(path);
    return Promise.resolve(fetched);
  };

  async #open(target: Required<PlayerTarget>, signal: AbortSignal): Promise<Prepared | null> {
    const ticket = await askForTicket(this.#host, target, this.#parts.canPlayType);
    const audioStream = this.#parts.chooseAudio(ticket);
    if (!this.#parts.isFed) return { ticket, run: undefined, audioStream };
    try {
      const run = await this.#host.call("playback_start", {
        playback_id: ticket.playback_id,
        at_secs: ticket.resume_at_secs,
        ...(audioStream === null ? {} : { audio_stream: audioStream }),
      });
      const first: PartAnswer[] = [];
      for (let part = 0; part < FIRST_PARTS; part += 1) {
        first.push(await this.#parts.fetchPart(run.path, part, signal));
      }
      signal.throwIfAborted();
      if (first.every((answer) => answer.kind === "part")) this.#fetched.set(run.path, first);
      return { ticket, run, audioStream };
    } catch (error) {
      giveUp(this.#host, ticket);
      throw error;
    }
  }
}
