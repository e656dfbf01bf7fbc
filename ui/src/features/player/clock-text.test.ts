import { expect, it } from "vitest";

import { parseClock } from "./clock-text";

it.each([
  ["90", 90],
  ["1:30", 90],
  [" 1:02:03 ", 3723],
  ["12 40", 760],
  ["", null],
  ["1:2:3:4", null],
  ["-5", null],
  ["half", null],
])("reads %j as %j seconds", (text, secs) => {
  expect(parseClock(text)).toBe(secs);
});
