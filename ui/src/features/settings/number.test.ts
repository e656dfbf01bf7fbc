import { describe, expect, it } from "vitest";

import { parseNumber, shownNumber } from "./rows/number";
import { isAddressOrNetwork, isHostName, isOrigin } from "./sections/addresses";

describe("a typed number", () => {
  it.each([
    ["1500", 0, 1500],
    ["1 500", 0, 1500],
    ["1\u00a0500", 0, 1500],
    ["0", 0, 0],
    ["1,5", 1, 1.5],
    ["1.25", 2, 1.25],
    ["1.25", 1, null],
    ["1.5", 0, null],
    ["", 0, null],
    ["-1", 0, null],
    ["1e3", 0, null],
    ["fast", 0, null],
    ["9".repeat(13), 0, null],
  ])("%o with %i digits is %o", (text, digits, expected) => {
    expect(parseNumber(text, digits)).toBe(expected);
  });

  it("is shown in its unit without idle zeros", () => {
    expect([shownNumber(1_500_000, 1000, 0), shownNumber(20e9, 1e9, 1), shownNumber(2.5e9, 1e9, 1)]).toEqual([
      "1500",
      "20",
      "2.5",
    ]);
  });
});

describe("entries of the lists", () => {
  it.each(["192.168.1.20", "192.168.1.0/24", "fd00::/8", "::1", "0.0.0.0/0"])("%s is an address", (text) => {
    expect(isAddressOrNetwork(text)).toBe(true);
  });
  it.each([
    "",
    "192.168.1",
    "256.1.1.1",
    "192.168.1.0/33",
    "fd00::/129",
    "1.2.3.4/",
    "1.2.3.4/2/3",
    "host",
    ":::",
  ])("%o is no address", (text) => {
    expect(isAddressOrNetwork(text)).toBe(false);
  });

  it("knows origins and names of hosts", () => {
    expect(["https://page.example", "http://page.example:8080"].every(isOrigin)).toBe(true);
    expect(
      ["page.example", "https://page.example/", "https://page.example/x", "ftp://x", ""].some(isOrigin),
    ).toBe(false);
    expect(["tv.home.example", "nas", "дом.рф"].every(isHostName)).toBe(true);
    expect(["http://nas", "nas/x", "-nas", "a..b", "", "a b"].some(isHostName)).toBe(false);
  });
});
