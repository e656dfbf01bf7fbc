// What takes long to make is kept in the temporary folder.

import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Makes a folder whole or not at all: a run that was broken off leaves nothing that looks finished. */
export function makeOnce(folder, make) {
  if (existsSync(folder)) return;
  const scratch = mkdtempSync(join(tmpdir(), "freshet-e2e-making-"));
  make(scratch);
  mkdirSync(dirname(folder), { recursive: true });
  try {
    renameSync(scratch, folder);
  } catch (error) {
    // Somebody else made it meanwhile.
    if (!existsSync(folder)) throw error;
    rmSync(scratch, { recursive: true });
  }
}
