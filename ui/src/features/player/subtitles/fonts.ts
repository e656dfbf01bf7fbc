/* The fonts that a film brings along, fetched one after another: a script is drawn with ours until they are here. */
import type { PlaybackId, SubtitleFont } from "../../../lib/host/bindings";
import type { Host } from "../../../lib/host/host";

export async function* fontsOf(
  host: Host,
  playbackId: PlaybackId,
  fonts: readonly SubtitleFont[],
): AsyncGenerator<Uint8Array> {
  for (const { number } of fonts) {
    const bytes = await font(host, `/media/${playbackId}/font-${number}`);
    if (bytes !== null) yield bytes;
  }
}

async function font(host: Host, path: string): Promise<Uint8Array | null> {
  try {
    const response = await fetch(await host.serverUrl(path), { cache: "no-store" });
    return response.ok ? new Uint8Array(await response.arrayBuffer()) : null;
  } catch {
    return null;
  }
}
