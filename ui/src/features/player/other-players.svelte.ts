/* Other players of this computer, in which a film can go on. */
import type { ExternalPlayer, PlaybackId } from "../../lib/host/bindings";
import type { Host } from "../../lib/host/host";

export class OtherPlayers {
  list = $state.raw<ExternalPlayer[]>([]);
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Looks once. A page on another device has none: it is not there that they would play. */
  async look(): Promise<void> {
    this.list = await this.#host.call("players_list", {}).then(
      (answer) => answer.players,
      () => [],
    );
  }

  async open(id: string, playbackId: PlaybackId, positionSecs: number): Promise<void> {
    await this.#host.call("player_open", {
      player: id,
      playback_id: playbackId,
      position_secs: Math.max(0, positionSecs),
    });
  }
}
