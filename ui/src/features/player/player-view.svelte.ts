/*
 * What the page around the film shows, and what a key or a button does. The film itself is the controller's; which file
 * comes next, and when, Rust has said in the ticket.
 */
import type { Chapter, NeighborFile, Settings, SkipMode } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";
import { clock } from "../../lib/i18n/format";
import type { I18n } from "../../lib/i18n/i18n.svelte";
import { skippableAt } from "./chapters";
import type { Direction, PlayerAction } from "./keybinds";
import { grownStepSecs } from "./keybinds";
import { NextUp } from "./next-up.svelte";
import { Osd } from "./osd.svelte";
import { OtherPlayers } from "./other-players.svelte";
import type { PlayerController } from "./player-controller.svelte";
import { saveScreenshot } from "./screenshot";
import { SkipOffer } from "./skip-offer.svelte";
import { SubtitleMemory } from "./subtitles/memory";
import { SubtitleControl } from "./subtitles/subtitle-control.svelte";
import { trackName } from "./tracks";

export interface PlayerViewParts {
  saveScreenshot: typeof saveScreenshot;
}

export class PlayerView {
  isFullscreen = $state(false);
  isOnTop = $state(false);
  isMini = $state(false);
  areStatsShown = $state(false);
  isHelpShown = $state(false);
  isGoToShown = $state(false);
  showsRemaining = $state(false);
  readonly osd = new Osd();
  readonly skip = new SkipOffer();
  readonly nextUp = new NextUp();
  readonly others: OtherPlayers;
  readonly subtitles: SubtitleControl;

  readonly isDialogShown = $derived(this.isHelpShown || this.isGoToShown);

  readonly #host: Host;
  readonly #player: PlayerController;
  readonly #i18n: I18n;
  readonly #parts: PlayerViewParts;
  #isAskingOutlook = false;
  #skipMode: SkipMode = "button";
  video: HTMLVideoElement | null = null;

  constructor(host: Host, player: PlayerController, i18n: I18n, parts: PlayerViewParts = { saveScreenshot }) {
    this.#host = host;
    this.#player = player;
    this.#i18n = i18n;
    this.#parts = parts;
    this.others = new OtherPlayers(host);
    this.subtitles = new SubtitleControl(host, i18n, new SubtitleMemory(() => localStorage));
  }

  get hasOwnWindow(): boolean {
    return this.#host.hasOwnWindow;
  }

  toggleFullscreen(): void {
    // Refused by the view: everything stays as it is.
    this.#host.setFullscreen(!this.isFullscreen).catch(() => undefined);
  }

  toggleOnTop(): void {
    const isOnTop = !this.isOnTop;
    this.#host.setAlwaysOnTop(isOnTop).then(
      () => {
        this.isOnTop = isOnTop;
        this.#say(isOnTop ? "player.onTopOn" : "player.onTopOff");
      },
      () => this.#say("player.notHere"),
    );
  }

  toggleMini(): void {
    if (!this.hasOwnWindow) {
      this.#togglePictureInPicture();
      return;
    }
    const isMini = !this.isMini;
    this.#host.setMini(isMini).then(
      () => {
        this.isMini = isMini;
        this.isOnTop = isMini;
      },
      () => this.#say("player.notHere"),
    );
  }

  /** A page has no window of its own, but the browser may lend it one. */
  #togglePictureInPicture(): void {
    const { video } = this;
    if (!video || !("requestPictureInPicture" in video)) return this.#say("player.notHere");
    const asked: Promise<unknown> = document.pictureInPictureElement
      ? document.exitPictureInPicture()
      : video.requestPictureInPicture();
    asked.catch(() => this.#say("player.notHere"));
  }

  leave(): void {
    this.#player.close();
    void this.#host.closePlayer();
  }

  goToFile(file: NeighborFile | null): void {
    const { ticket } = this.#player;
    if (!file || !ticket) return;
    this.osd.clear();
    void this.#host
      .goOn(ticket.playback_id, { info_hash: file.info_hash, file_index: file.file_index })
      .catch(() => this.#say("player.notHere"));
  }

  /** While the offer of the next file stands, and the present one lacks nothing, the next one is made ready. */
  async prepareNext(): Promise<void> {
    const { ticket, speed, upcoming } = this.#player;
    const { file } = this.nextUp;
    if (ticket === null || file === null || this.#isAskingOutlook || upcoming.has(file)) return;
    this.#isAskingOutlook = true;
    const outlook = await this.#host
      .call("playback_outlook", { playback_id: ticket.playback_id, speed: speed.rate })
      .catch(() => null);
    this.#isAskingOutlook = false;
    if (outlook?.kind !== "plays_through" || this.nextUp.file !== file) return;
    upcoming.prepare({ info_hash: file.info_hash, file_index: file.file_index });
  }

  stepFile(direction: Direction): void {
    const { ticket } = this.#player;
    const file = direction === 1 ? ticket?.next_file : ticket?.previous_file;
    if (file) this.goToFile(file);
    else if (ticket) this.#say(direction === 1 ? "player.noNextFile" : "player.noPreviousFile");
  }

  /** Two do not play at once. */
  openIn(id: string): void {
    const { ticket, positionSecs } = this.#player;
    const name = this.others.list.find((player) => player.id === id)?.name ?? id;
    if (!ticket) return;
    this.#player.pause();
    this.others.open(id, ticket.playback_id, positionSecs).then(
      () => this.osd.say(this.#i18n.t("player.openedIn", { name })),
      () => this.osd.say(this.#i18n.t("player.notOpenedIn", { name })),
    );
  }

  settingsArrived({ playback }: Settings): void {
    this.#skipMode = playback.skip_mode;
    this.subtitles.wantedLanguage = playback.subtitle_language;
  }

  /** The film is here: offers to skip an opening or the credits, or skips them, as the person wants it. */
  followChapters(chapters: readonly Chapter[], secs: number): void {
    const isEntered = this.skip.update(this.#skipMode === "never" ? null : skippableAt(chapters, secs), secs);
    if (isEntered && this.#skipMode === "automatic") this.skipChapter();
  }

  skipChapter(): void {
    const { chapter } = this.skip;
    if (chapter) this.#player.seek(chapter.end_secs);
  }

  screenshot(): void {
    const { ticket, positionSecs } = this.#player;
    if (!this.video) return;
    this.#parts.saveScreenshot(this.video, ticket?.file_name ?? "", positionSecs).then(
      (name) => this.osd.say(this.#i18n.t("player.screenshotSaved", { name })),
      () => this.#say("player.screenshotFailed"),
    );
  }

  badSubtitleFile(): void {
    this.#say("player.subtitles.notOne");
  }

  toggleNight(): void {
    const { sound } = this.#player.volume;
    sound.toggleNight();
    if (!sound.isAvailable) this.#say("player.notHere");
    else this.#say(sound.isNight ? "player.nightOn" : "player.nightOff");
  }

  /** Esc goes one step back at a time. */
  #escape(): void {
    if (this.isHelpShown) this.isHelpShown = false;
    else if (this.isGoToShown) this.isGoToShown = false;
    else if (this.isMini) this.toggleMini();
    else if (this.isFullscreen) this.toggleFullscreen();
    else this.leave();
  }

  /** `repeatCount`: how often the key has repeated since it was pressed. */
  perform(action: PlayerAction, repeatCount = 0): void {
    const player = this.#player;
    const { format } = this.#i18n;
    switch (action.kind) {
      case "toggle_play":
        return player.togglePlay();
      case "seek_by": {
        const secs = action.grows ? Math.sign(action.secs) * grownStepSecs(repeatCount) : action.secs;
        return player.seekBy(secs);
      }
      case "seek_fraction":
        return player.seekFraction(action.fraction);
      case "frame_step":
        return player.stepFrame(action.direction);
      case "chapter_step":
        if (player.ticket && !player.seekChapter(action.direction)) this.#say("player.noChapter");
        return;
      case "file_step":
        return this.stepFile(action.direction);
      case "skip":
        return this.skipChapter();
      case "volume_by":
        player.volume.changeBy(action.amount);
        return this.osd.say(`${this.#i18n.t("player.volume")} ${format.percent(player.volume.level)}`);
      case "toggle_mute":
        return player.volume.toggleMute();
      case "toggle_fullscreen":
        return this.toggleFullscreen();
      case "next_audio": {
        const track = player.nextAudio();
        if (track) this.osd.say(trackName(track, this.#i18n.locale, this.#i18n.t("player.audio")));
        else if (player.ticket) this.#say("player.noOtherAudio");
        return;
      }
      case "subtitle_toggle":
      case "subtitle_next":
      case "subtitle_second":
      case "subtitle_delay":
      case "subtitle_size":
        if (player.ticket) this.osd.say(this.subtitles.perform(action));
        return;
      case "speed_step":
        player.speed.step(action.direction);
        return this.osd.say(format.speed(player.speed.rate));
      case "speed_reset":
        player.speed.set(1);
        return this.osd.say(format.speed(1));
      case "cycle_aspect":
        player.picture.cycleAspect();
        return this.#say(`player.fit.${player.picture.fit}`);
      case "toggle_crop":
        player.picture.toggleCrop();
        return this.#say(`player.fit.${player.picture.fit}`);
      case "mark_loop": {
        const at = player.positionSecs;
        return this.osd.say(this.#i18n.t(`player.loop.${player.loop.mark(at)}`, { time: clock(at) }));
      }
      case "go_to_time":
        this.isGoToShown = player.durationSecs !== null;
        return;
      case "screenshot":
        return this.screenshot();
      case "toggle_remaining":
        this.showsRemaining = !this.showsRemaining;
        return;
      case "toggle_on_top":
        return this.toggleOnTop();
      case "toggle_mini":
        return this.toggleMini();
      case "toggle_stats":
        this.areStatsShown = !this.areStatsShown;
        return;
      case "toggle_help":
        this.isHelpShown = !this.isHelpShown;
        return;
      case "leave":
        return this.leave();
      case "escape":
        return this.#escape();
    }
  }

  #say(key: Parameters<I18n["t"]>[0]): void {
    this.osd.say(this.#i18n.t(key));
  }
}
