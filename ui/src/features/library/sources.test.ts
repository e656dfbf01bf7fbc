import { describe, expect, it } from "vitest";

import { initialsOf, tileOf } from "./tile";
import { looksLikeSource, sourcesInText, toBase64 } from "./sources";

const HASH = "0123456789abcdef0123456789abcdef01234567";

describe("sources in a text", () => {
  it.each([
    [`magnet:?xt=urn:btih:${HASH}&dn=a`, true],
    [`MAGNET:?xt=urn:btih:${HASH}`, true],
    [HASH, true],
    ["ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", true],
    ["https://example.org/a.torrent", true],
    ["hello", false],
    ["0123456789abcdef", false],
    ["file:///etc/passwd", false],
  ])("%s looks like one: %o", (text, expected) => {
    expect(looksLikeSource(text)).toBe(expected);
  });

  it("are one per line, once each, without comments and other lines", () => {
    const text = `# from a page\r\nmagnet:?xt=urn:btih:${HASH}\r\n\r\nsome words\n${HASH}\nmagnet:?xt=urn:btih:${HASH}`;
    expect(sourcesInText(text)).toEqual([`magnet:?xt=urn:btih:${HASH}`, HASH]);
  });

  it("are the whole text where nothing looks like one, so that the answer says what is wrong", () => {
    expect(sourcesInText("  not a link\nat all ")).toEqual(["not a link\nat all"]);
    expect(sourcesInText(" \n ")).toEqual([]);
  });

  it("are read from files of any size", async () => {
    const bytes = new Uint8Array(100_000).map((_, index) => index % 251);
    const base64 = await toBase64(new File([bytes], "a.torrent"));

    expect(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))).toEqual(bytes);
  });
});

describe("the tile of a torrent without a picture", () => {
  it.each([
    ["The Long River", "TL"],
    ["[2024] Дом", "2Д"],
    ["ёлка", "Ё"],
    ["…", ""],
    ["", ""],
  ])("shows for %o the initials %o", (title, initials) => {
    expect(initialsOf(title)).toBe(initials);
  });

  it("is always the same for the same torrent", () => {
    expect(tileOf(HASH, "A")).toEqual(tileOf(HASH, "A"));
    expect(tileOf("f".repeat(40), "A").hue).not.toBe(tileOf(HASH, "A").hue);
  });
});
