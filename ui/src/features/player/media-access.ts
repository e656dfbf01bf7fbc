/* The browser's side of feeding: opening a media source in a video, and asking the server for parts. */
import type { Host } from "../../lib/host/host";
import type { FetchPart } from "./feeder";

/** The server holds a starved part back for as long as it hopes; this is only against a connection that is dead. */
const PART_TIMEOUT_MS = 120_000;
const SOURCE_OPEN_TIMEOUT_MS = 10_000;

export function canPlayType(mime: string): boolean {
  return "MediaSource" in window && MediaSource.isTypeSupported(mime);
}

/** Puts a new media source into the video and waits until it is open. */
export function openMediaSource(video: HTMLVideoElement): Promise<MediaSource> {
  return new Promise((resolve, reject) => {
    if (!("MediaSource" in window)) {
      reject(new Error("this view has no media source"));
      return;
    }
    const source = new MediaSource();
    const address = URL.createObjectURL(source);
    const timer = setTimeout(
      () => reject(new Error("the media source did not open")),
      SOURCE_OPEN_TIMEOUT_MS,
    );
    source.addEventListener(
      "sourceopen",
      () => {
        clearTimeout(timer);
        URL.revokeObjectURL(address);
        resolve(source);
      },
      { once: true },
    );
    video.src = address;
  });
}

export function partsOf(host: Host): FetchPart {
  return async (path, part, signal) => {
    const address = await host.serverUrl(`${path}/${part}`);
    const response = await fetch(address, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(PART_TIMEOUT_MS)]),
      cache: "no-store",
    });
    switch (response.status) {
      case 200:
        return { kind: "part", bytes: await response.arrayBuffer() };
      case 204:
        return { kind: "end" };
      case 404:
      case 410:
        return { kind: "gone" };
      case 502:
        return { kind: "failed", reason: await response.text() };
      default:
        throw new Error(`part ${part}: ${response.status}`);
    }
  };
}
