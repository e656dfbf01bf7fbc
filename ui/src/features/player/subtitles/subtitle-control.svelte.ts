/* What a person does with subtitles: which are shown, when, where and how large. */
import type { InfoHash, PlaybackTicket, TrackInfo } from "../../../lib/host/bindings";
import type { Host } from "../../../lib/host/host";
import type { I18n } from "../../../lib/i18n/i18n.svelte";
import { baseLanguage } from "../tracks";
import type { SubtitleAction } from "../keybinds";
import type { SubtitleMemory, SubtitleStyle } from "./memory";
import { RAISES, SIZES } from "./memory";
import { OpenedTrack } from "./opened-track.svelte";
import type { Choosable } from "./tracks";
import { choosable, firstChoice, ownFile, subtitleName } from "./tracks";

export const DELAY_STEP_SECS = 0.1;
const MAX_DELAY_SECS = 600;
const MAX_OWN_FILES = 20;

interface LeftFilm {
  infoHash: InfoHash;
  fileIndex: number;
  firstKey: string | null;
  secondKey: string | null;
  own: Choosable[];
}

export class SubtitleControl {
  tracks = $state.raw<readonly Choosable[]>([]);
  first = $state.raw<OpenedTrack | null>(null);
  second = $state.raw<OpenedTrack | null>(null);
  /** How much later than in the track the words are shown. */
  /** What the settings say; empty: the language of the pages. */
  wantedLanguage = "";
  delaySecs = $state(0);
  style = $state.raw<SubtitleStyle>({ size: 1, raisedPercent: 4, isAsAuthored: true, hasBox: false });

  readonly #host: Host;
  readonly #i18n: I18n;
  readonly #memory: SubtitleMemory;
  #ticket: PlaybackTicket | null = null;
  /** The last film, which may only have been interrupted. */
  #left: LeftFilm | null = null;
  #ownCount = 0;
  /** What "on" means after "off". */
  #lastKey: string | null = null;

  constructor(host: Host, i18n: I18n, memory: SubtitleMemory) {
    this.#host = host;
    this.#i18n = i18n;
    this.#memory = memory;
    this.style = memory.style;
  }

  /** Another film, the same one opened once more, or none. */
  filmChanged(ticket: PlaybackTicket | null, audio: TrackInfo | null): void {
    if (ticket?.playback_id === this.#ticket?.playback_id) return;
    this.#leave();
    if (ticket === null) return;
    this.#ticket = ticket;
    const left = this.#left;
    this.#left = null;
    this.tracks = ticket.subtitles.map(choosable);
    if (left?.infoHash === ticket.info_hash && left.fileIndex === ticket.file_index) {
      this.tracks = [...this.tracks, ...left.own];
      this.first = this.#opened(left.firstKey);
      this.second = this.#opened(left.secondKey);
      return;
    }
    this.delaySecs = 0;
    this.#lastKey = null;
    const taste = this.#memory.recall(ticket.info_hash);
    const language = baseLanguage(this.wantedLanguage) ?? this.#i18n.locale;
    const chosen = firstChoice(this.tracks, taste, audio?.language ?? null, language);
    this.first = this.#opened(chosen?.key ?? null);
  }

  /** The film is at this moment. */
  at(secs: number): void {
    this.first?.at(secs - this.delaySecs);
    this.second?.at(secs - this.delaySecs);
  }

  /** `null`: none. */
  choose(key: string | null): void {
    if (this.#ticket === null || key === (this.first?.chosen.key ?? null)) return;
    if (this.first !== null) this.#lastKey = this.first.chosen.key;
    if (key !== null && key === this.second?.chosen.key) this.chooseSecond(null);
    this.first?.close();
    this.first = this.#opened(key);
    const track = this.first?.chosen.track;
    if (track?.source === null) return;
    const { language = null, title = null, is_forced: isForced = false } = track ?? {};
    this.#memory.remember(this.#ticket.info_hash, track ? { language, title, isForced } : "off");
  }

  chooseSecond(key: string | null): void {
    if (key === (this.second?.chosen.key ?? null)) return;
    this.second?.close();
    this.second = this.#opened(key);
  }

  /** Those that can be shown above others: text. */
  get seconds(): Choosable[] {
    return this.tracks.filter(({ key, track }) => track.form !== "pgs" && key !== this.first?.chosen.key);
  }

  nameOf(choosable: Choosable): string {
    const number = this.tracks.indexOf(choosable) + 1;
    return subtitleName(choosable, number, this.#i18n.locale, (key, values) => this.#i18n.t(key, values));
  }

  setStyle(change: Partial<SubtitleStyle>): void {
    const rounded = (value: number, { min, max }: { min: number; max: number }) =>
      Math.min(max, Math.max(min, Math.round(value * 100) / 100));
    const style = { ...this.style, ...change };
    style.size = rounded(style.size, SIZES);
    style.raisedPercent = rounded(style.raisedPercent, RAISES);
    this.style = style;
    this.#memory.style = style;
  }

  delayBy(secs: number): void {
    this.setDelay(this.delaySecs + secs);
  }

  setDelay(secs: number): void {
    this.delaySecs = Math.min(MAX_DELAY_SECS, Math.max(-MAX_DELAY_SECS, Math.round(secs * 1000) / 1000));
  }

  /** Shows a file of the person's own. Gives whether it can be one of subtitles. */
  addFile(file: File): boolean {
    const own = ownFile(file, ++this.#ownCount);
    if (own === null || this.#ticket === null) return false;
    const others = this.tracks.filter(({ file }) => file !== null).slice(-(MAX_OWN_FILES - 1));
    this.tracks = [...this.tracks.filter(({ file }) => file === null), ...others, own];
    this.choose(own.key);
    return true;
  }

  /** Does what a key asks for; gives what to tell the person. */
  perform(action: SubtitleAction): string {
    const { t, format } = this.#i18n;
    const name = (opened: OpenedTrack | null) =>
      opened === null ? t("player.subtitles.areOff") : this.nameOf(opened.chosen);
    if (this.tracks.length === 0) return t("player.subtitles.none");
    switch (action.kind) {
      case "subtitle_toggle": {
        const known = this.tracks.some(({ key }) => key === this.#lastKey) ? this.#lastKey : null;
        this.choose(this.first !== null ? null : (known ?? this.tracks[0]?.key ?? null));
        return name(this.first);
      }
      case "subtitle_next":
        this.choose(following(this.tracks, this.first?.chosen.key ?? null));
        return name(this.first);
      case "subtitle_second":
        this.chooseSecond(following(this.seconds, this.second?.chosen.key ?? null));
        return `${t("player.subtitles.second")}: ${name(this.second)}`;
      case "subtitle_delay":
        this.delayBy(action.direction * DELAY_STEP_SECS);
        return t("player.subtitles.delayed", { secs: this.delayText() });
      case "subtitle_size":
        this.setStyle({ size: this.style.size + action.direction * SIZES.step });
        return `${t("player.subtitles.size")} ${format.percent(this.style.size)}`;
    }
  }

  /** "+0.3" */
  delayText(): string {
    const number = new Intl.NumberFormat(this.#i18n.locale, {
      minimumFractionDigits: 1,
      maximumFractionDigits: 3,
      signDisplay: "exceptZero",
    });
    return number.format(this.delaySecs);
  }

  #opened(key: string | null): OpenedTrack | null {
    const chosen = this.tracks.find((known) => known.key === key);
    if (this.#ticket === null || chosen === undefined) return null;
    return new OpenedTrack(this.#host, this.#ticket.playback_id, this.#ticket.duration_secs, chosen);
  }

  #leave(): void {
    if (this.#ticket !== null) {
      this.#left = {
        infoHash: this.#ticket.info_hash,
        fileIndex: this.#ticket.file_index,
        firstKey: this.first?.chosen.key ?? null,
        secondKey: this.second?.chosen.key ?? null,
        own: this.tracks.filter(({ file }) => file !== null),
      };
    }
    this.first?.close();
    this.second?.close();
    this.first = null;
    this.second = null;
    this.tracks = [];
    this.#ticket = null;
  }
}

/** The next one, and none behind the last. */
function following(all: readonly Choosable[], key: string | null): string | null {
  const at = all.findIndex((known) => known.key === key);
  return all[at + 1]?.key ?? null;
}
