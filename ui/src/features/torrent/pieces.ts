/* The pieces of a torrent as cells of one picture: a large torrent has more pieces than a picture has cells. Pure. */
import type { PieceRun, PieceStand } from "../../lib/host/bindings";

/** From the one that says most to the one that says least. */
const STANDS: readonly PieceStand[] = ["missing", "requested", "available", "have"];

export interface Cell {
  /** What the worst of its pieces is. */
  stand: PieceStand;
  /** How many of its pieces are here, from 0 to 1. */
  haveShare: number;
}

/** At most so many cells, each of the same number of pieces but for the last. */
export function cellsOf(runs: readonly PieceRun[], maxCells: number): Cell[] {
  const total = runs.reduce((sum, run) => sum + run.pieces, 0);
  if (total === 0) return [];
  const perCell = Math.ceil(total / maxCells);
  const cells: Cell[] = [];
  let counts = new Map<PieceStand, number>();
  let filled = 0;
  const close = () => {
    const stand = STANDS.find((one) => counts.has(one)) ?? "available";
    cells.push({ stand, haveShare: (counts.get("have") ?? 0) / filled });
    counts = new Map();
    filled = 0;
  };
  for (const run of runs) {
    for (let left = run.pieces; left > 0;) {
      const taken = Math.min(left, perCell - filled);
      counts.set(run.stand, (counts.get(run.stand) ?? 0) + taken);
      filled += taken;
      left -= taken;
      if (filled === perCell) close();
    }
  }
  if (filled > 0) close();
  return cells;
}

/** How many pieces stand so. */
export function countOf(runs: readonly PieceRun[], stand: PieceStand): number {
  return runs.reduce((sum, run) => sum + (run.stand === stand ? run.pieces : 0), 0);
}
