/* From what was pasted or dropped to what can be added. Whether a source is any good is decided on the Rust side. */

/** Above this no `.torrent` file is honest, and reading it would only cost memory. */
export const MAX_TORRENT_FILE_BYTES = 16 * 1024 * 1024;

const SOURCE = /^(?:magnet:\?\S+|[0-9a-f]{40}|[a-z2-7]{32}|https?:\/\/\S+)$/i;

export function looksLikeSource(text: string): boolean {
  return SOURCE.test(text.trim());
}

/**
 * The sources in a text, one per line. A text without any is one source as a whole: the answer to it says what is wrong
 * with it.
 */
export function sourcesInText(text: string): string[] {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  const sources = lines.filter(looksLikeSource);
  if (sources.length > 0) return [...new Set(sources)];
  const whole = text.trim();
  return whole === "" ? [] : [whole];
}

export interface Dropped {
  files: File[];
  sources: string[];
}

/** Reads a drop. Must be called inside the event: afterwards the browser empties it. */
export function readDrop(transfer: DataTransfer): Dropped {
  const files = [...transfer.files];
  if (files.length > 0) return { files, sources: [] };
  return {
    files,
    sources: sourcesInText(transfer.getData("text/uri-list") || transfer.getData("text/plain")),
  };
}

/** Whether something that hovers over the window could be for us. */
export function isWelcome(transfer: DataTransfer): boolean {
  return ["Files", "text/uri-list", "text/plain"].some((type) => transfer.types.includes(type));
}

export function isTorrentFile(file: File): boolean {
  return /\.torrent$/i.test(file.name) || file.type === "application/x-bittorrent";
}

export async function toBase64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  // In slices: a call has a limit on its number of arguments.
  const slice = 0x8000;
  let binary = "";
  for (let start = 0; start < bytes.length; start += slice) {
    binary += String.fromCharCode(...bytes.subarray(start, start + slice));
  }
  return btoa(binary);
}
