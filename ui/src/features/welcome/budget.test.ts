import { expect, it } from "vitest";

import { budgetSteps } from "./budget";

it("offers what fits on the disk, with the present budget at its place", () => {
  const gigabytes = (room: number, now: number) =>
    budgetSteps(room * 1e9, now * 1e9).map((bytes) => bytes / 1e9);
  expect(gigabytes(60, 15)).toEqual([1, 2, 5, 10, 15, 20, 30, 50]);
  expect(gigabytes(60, 20)).toEqual([1, 2, 5, 10, 20, 30, 50]);
  expect(gigabytes(0.5, 0.1)).toEqual([0.1]);
  expect(gigabytes(3, 10), "a budget that is larger than the disk stays").toEqual([1, 2, 10]);
});
