/* How much of the disk can be chosen on the first screen. */

const GIGABYTE = 1_000_000_000;
/** Less than this on the disk is a warning, and less than that one a problem. */
export const FREE_LITTLE_BYTES = 5 * GIGABYTE;
export const FREE_TOO_LITTLE_BYTES = GIGABYTE;
const SIZES = [1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 4000].map(
  (gigabytes) => gigabytes * GIGABYTE,
);

/** Round sizes that the disk has room for, and the one of now among them. */
export function budgetSteps(roomBytes: number, nowBytes: number): number[] {
  const fitting = SIZES.filter((bytes) => bytes <= roomBytes && bytes !== nowBytes);
  return [...fitting, nowBytes].sort((a, b) => a - b);
}
