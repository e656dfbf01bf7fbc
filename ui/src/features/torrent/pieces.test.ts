import { describe, expect, it } from "vitest";

import type { PieceRun } from "../../lib/host/bindings";
import { cellsOf, countOf } from "./pieces";

describe("the picture of the pieces", () => {
  const runs: PieceRun[] = [
    { stand: "have", pieces: 5 },
    { stand: "requested", pieces: 2 },
    { stand: "missing", pieces: 1 },
    { stand: "available", pieces: 3 },
  ];

  it("has a cell for each piece where there is room", () => {
    const cells = cellsOf(runs, 100);
    expect(cells).toHaveLength(11);
    expect(cells.map((cell) => cell.stand[0]).join("")).toBe("hhhhhrrmaaa");
    expect(cells.map((cell) => cell.haveShare)).toEqual([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  });

  it("shows the worst of the pieces that share a cell", () => {
    const cells = cellsOf(runs, 4);
    expect(cells.map((cell) => cell.stand)).toEqual(["have", "requested", "missing", "available"]);
    expect(cells[1]?.haveShare).toBeCloseTo(2 / 3);
    expect(cellsOf(runs, 1)).toEqual([{ stand: "missing", haveShare: 5 / 11 }]);
  });

  it("is empty where nothing is known", () => {
    expect(cellsOf([], 10)).toEqual([]);
    expect(countOf([], "have")).toBe(0);
    expect(countOf(runs, "available")).toBe(3);
  });
});
