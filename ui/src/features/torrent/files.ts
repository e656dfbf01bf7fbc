/* The files of a torrent as its page shows them: by folder, what can be watched first. */
import type { FileEntry, MediaKind } from "../../lib/host/bindings";

export interface Folder {
  /** Empty for the top of the torrent. */
  path: string;
  files: FileEntry[];
}

export interface GroupedFiles {
  playable: Folder[];
  others: Folder[];
}

const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;

/** Video counts as playable; music only where there is no video, as "play" means it. */
export function groupFiles(files: readonly FileEntry[]): GroupedFiles {
  const kind: MediaKind = files.some((file) => file.kind === "video") ? "video" : "audio";
  return {
    playable: intoFolders(files.filter((file) => file.kind === kind)),
    others: intoFolders(files.filter((file) => file.kind !== kind)),
  };
}

function intoFolders(files: readonly FileEntry[]): Folder[] {
  const folders = new Map<string, FileEntry[]>();
  for (const file of files) {
    const path = folderOf(file.path);
    const known = folders.get(path);
    if (known) known.push(file);
    else folders.set(path, [file]);
  }
  return [...folders]
    .map(([path, inside]) => ({ path, files: inside.sort((a, b) => compare(a.path, b.path)) }))
    .sort((a, b) => compare(a.path, b.path));
}

export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function isPlayable(file: FileEntry): boolean {
  return file.kind === "video" || file.kind === "audio";
}
