/*
 * The wall between the UI and whatever runs it: the shell's window, or a browser that talks to `freshetd`.
 * Everything outside this folder asks a Host and never knows which one it has.
 */
import type { AppEvent, Commands, ErrorCode, PlaybackId, PlayerTarget, WireError } from "./bindings";

export type CommandName = keyof Commands;
export type CommandArgs<K extends CommandName> = Commands[K]["args"];
export type CommandResult<K extends CommandName> = Commands[K]["result"];

export interface CallOptions {
  /** The call must reach the other side although the page is about to go. */
  isLastWord?: boolean;
}

export interface EventListeners {
  /** The first event is always a snapshot; after a lost connection another snapshot comes. */
  onEvent: (event: AppEvent) => void;
  /** Whether the other side can be heard at the moment. */
  onConnection?: (isConnected: boolean) => void;
}

export interface Host {
  /** Runs a command. Rejects with a {@link CallError}, and with nothing else. */
  call<K extends CommandName>(
    name: K,
    args: CommandArgs<K>,
    options?: CallOptions,
  ): Promise<CommandResult<K>>;

  /** Hears every change, in order, until the returned function is called. Reconnects by itself. */
  subscribe(listeners: EventListeners): () => void;

  /** The full address of a path on our media server. */
  serverUrl(path: string): Promise<string>;

  /** Shows the player: its own window, or a second page. */
  openPlayer(target: PlayerTarget): Promise<void>;

  /**
   * What the address of this page says should play; `null` where the address says nothing and the events name the
   * target.
   */
  addressTarget(): PlayerTarget | null;
  onAddressTargetChanged(listener: () => void): () => void;

  /** Shows another file of the same torrent in the player that this page is. */
  goOn(playbackId: PlaybackId, target: Required<PlayerTarget>): Promise<void>;

  /** Whether this player is a window that can be shrunk and stay above all others. */
  readonly hasOwnWindow: boolean;
  setAlwaysOnTop(isOnTop: boolean): Promise<void>;
  /** A small window without a frame, above all others; or as it was before. */
  setMini(isMini: boolean): Promise<void>;

  isFullscreen(): Promise<boolean>;
  setFullscreen(isFullscreen: boolean): Promise<void>;
  onFullscreenChanged(listener: (isFullscreen: boolean) => void): () => void;
  setTitle(title: string): Promise<void>;
  /** Closes the player: its window, or leads back to the library where the page can't close itself. */
  closePlayer(): Promise<void>;
  copyText(text: string): Promise<void>;
}

/** A refusal with its code, as an exception. */
export class CallError extends Error {
  readonly code: ErrorCode;

  constructor(error: WireError) {
    super(error.message);
    this.name = "CallError";
    this.code = error.code;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message };
  }
}

/** Turns whatever a transport threw into a {@link CallError}. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  if (isWireError(error)) return new CallError(error);
  const message = error instanceof Error ? error.message : String(error);
  return new CallError({ code: "internal", message });
}

function isWireError(value: unknown): value is WireError {
  return (
    typeof value === "object" &&
    value !== null &&
    "code" in value &&
    typeof value.code === "string" &&
    "message" in value &&
    typeof value.message === "string"
  );
}

/** `#<info hash>[/<file index>]`, the form in which a page's address names what to play. */
export function formatTarget(target: PlayerTarget): string {
  return target.file_index === undefined ? target.info_hash : `${target.info_hash}/${target.file_index}`;
}

export function parseTarget(text: string): PlayerTarget | null {
  const match = /^#?([0-9a-f]{40})(?:\/(\d{1,9}))?$/i.exec(text);
  if (!match?.[1]) return null;
  const info_hash = match[1].toLowerCase();
  return match[2] === undefined ? { info_hash } : { info_hash, file_index: Number(match[2]) };
}
