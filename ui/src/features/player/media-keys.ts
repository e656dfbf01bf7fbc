/* Media keys, headsets and the system's own player controls: on Linux the view passes them on from MPRIS. */
import type { PlayerController } from "./player-controller.svelte";

export interface MediaKeyTargets {
  next: () => void;
  previous: () => void;
  stop: () => void;
}

const JUMP_SECS = 10;

/** Answers the system's keys until the returned function is called. */
export function answerMediaKeys(player: PlayerController, targets: MediaKeyTargets): () => void {
  const session = mediaSession();
  if (session === null) return () => undefined;
  const handlers: [MediaSessionAction, MediaSessionActionHandler][] = [
    ["play", () => player.play()],
    ["pause", () => player.pause()],
    ["stop", targets.stop],
    ["nexttrack", targets.next],
    ["previoustrack", targets.previous],
    ["seekbackward", ({ seekOffset }) => player.seekBy(-(seekOffset ?? JUMP_SECS))],
    ["seekforward", ({ seekOffset }) => player.seekBy(seekOffset ?? JUMP_SECS)],
    ["seekto", ({ seekTime }) => seekTime !== undefined && player.seek(seekTime)],
  ];
  const set = (action: MediaSessionAction, handler: MediaSessionActionHandler | null) => {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // A view that does not know this action leaves it out.
    }
  };
  for (const [action, handler] of handlers) set(action, handler);
  return () => {
    for (const [action] of handlers) set(action, null);
    session.metadata = null;
    session.playbackState = "none";
  };
}

export interface NowPlaying {
  title: string;
  subtitle: string;
  isPlaying: boolean;
  positionSecs: number;
  durationSecs: number | null;
  rate: number;
}

/** Tells the system what its own controls should show. */
export function tellSystem(now: NowPlaying): void {
  const session = mediaSession();
  if (session === null) return;
  if ("MediaMetadata" in window && session.metadata?.title !== (now.subtitle || now.title)) {
    session.metadata = new MediaMetadata({
      title: now.subtitle || now.title,
      album: now.subtitle ? now.title : "",
    });
  }
  session.playbackState = now.isPlaying ? "playing" : "paused";
  if (now.durationSecs === null || now.durationSecs <= 0) return;
  try {
    session.setPositionState({
      duration: now.durationSecs,
      position: Math.min(Math.max(0, now.positionSecs), now.durationSecs),
      playbackRate: now.rate,
    });
  } catch {
    // Some views know sessions and no positions.
  }
}

function mediaSession(): MediaSession | null {
  return "mediaSession" in navigator ? navigator.mediaSession : null;
}
