/* Which of a film's audio tracks is heard. */
import type { PlaybackTicket, TrackInfo } from "../../lib/host/bindings";
import type { AudioMemory } from "./audio-memory";
import { inLanguage } from "./tracks";

export class AudioChoice {
  /** What was chosen; `null` is the film's first one. */
  stream = $state<number | null>(null);
  /** Of the settings; empty for none. */
  language = "";
  readonly #ticket: () => PlaybackTicket | null;
  readonly #memory: Pick<AudioMemory, "remember" | "recall"> | undefined;

  readonly tracks: TrackInfo[] = $derived.by(() => audioOf(this.#ticket()));
  readonly heard: TrackInfo | null = $derived(this.chosen ?? this.tracks[0] ?? null);

  constructor(ticket: () => PlaybackTicket | null, memory?: Pick<AudioMemory, "remember" | "recall">) {
    this.#ticket = ticket;
    this.#memory = memory;
  }

  get chosen(): TrackInfo | null {
    return this.tracks.find((track) => track.stream_index === this.stream) ?? null;
  }

  /** The track that is like the one that was chosen before in this torrent, else one in the language of the settings. */
  recall(ticket: PlaybackTicket): number | null {
    const tracks = audioOf(ticket);
    const recalled = this.#memory?.recall(ticket.info_hash, tracks);
    return (recalled ?? inLanguage(tracks, this.language))?.stream_index ?? null;
  }

  /** Gives whether that changes anything. */
  choose(streamIndex: number): boolean {
    const ticket = this.#ticket();
    if (ticket === null || streamIndex === this.stream) return false;
    this.stream = streamIndex;
    if (this.chosen) this.#memory?.remember(ticket.info_hash, this.chosen);
    return true;
  }

  /** The next one in their order; `null` where there is no other. */
  get next(): TrackInfo | null {
    const { tracks } = this;
    const at = tracks.findIndex((track) => track.stream_index === this.stream);
    return (tracks.length > 1 ? tracks[(Math.max(at, 0) + 1) % tracks.length] : undefined) ?? null;
  }
}

function audioOf(ticket: PlaybackTicket | null): TrackInfo[] {
  return ticket?.tracks.filter((track) => track.kind === "audio") ?? [];
}
