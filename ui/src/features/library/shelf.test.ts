import { describe, expect, it } from "vitest";

import { HASH_A, HASH_B, about, torrent } from "../../test/samples";
import { inOrder, isOn, search, shelvesOf } from "./shelf";

describe("search", () => {
  const titles = (query: string, inFiles = new Set<string>()) =>
    search(
      [
        torrent({ title: "The.Long.River.2024", about: about({ title: "The Long River", year: 2024 }) }),
        torrent({ title: "Ёлки и Моря", about: about({ title: "Ёлки и Моря", original_title: "Trees" }) }),
        torrent({ info_hash: HASH_B, title: "Café" }),
      ],
      query,
      inFiles,
    ).map((one) => one.title);

  it.each([
    ["river long", ["The.Long.River.2024"]],
    ["river 2024", ["The.Long.River.2024"]],
    ["елки", ["Ёлки и Моря"]],
    ["trees", ["Ёлки и Моря"]],
    ["cafe", ["Café"]],
    ["river café", []],
    ["  ", ["The.Long.River.2024", "Ёлки и Моря", "Café"]],
  ])("for %o finds %o", (query, expected) => {
    expect(titles(query)).toEqual(expected);
  });

  it("puts behind what has the words in its title what has them in its files", () => {
    expect(titles("river", new Set([HASH_B]))).toEqual(["The.Long.River.2024", "Café"]);
    expect(titles("river", new Set([HASH_A]))).toEqual(["The.Long.River.2024", "Ёлки и Моря"]);
  });
});

describe("shelves", () => {
  const film = torrent({ about: about({ kind: "film" }) });
  const series = torrent({ about: about({ kind: "series" }), category: "tv" });
  const own = torrent({ about: about({ kind: "film" }), category: "Kids" });

  it("are there when there is something to choose", () => {
    expect(shelvesOf([])).toEqual([]);
    expect(shelvesOf([film, film])).toEqual([]);
    expect(shelvesOf([series, film])).toEqual(["all", "film", "series"]);
    expect(shelvesOf([film, own])).toEqual(["all", "own:Kids"]);
    expect(shelvesOf([own, series, { ...own, category: "Art" }])).toEqual([
      "all",
      "film",
      "series",
      "own:Art",
      "own:Kids",
    ]);
  });

  it("hold what belongs on them", () => {
    const on = (shelf: Parameters<typeof isOn>[0]) => [film, series, own].filter((one) => isOn(shelf, one));
    expect(on("all")).toEqual([film, series, own]);
    expect(on("film")).toEqual([film, own]);
    expect(on("own:Kids")).toEqual([own]);
    expect(on("music")).toEqual([]);
  });
});

describe("order", () => {
  it("is by what was asked for, and the newest first where that is equal", () => {
    const one = torrent({ title: "Episode 10", total_bytes: 5, playable_count: 1, viewed_count: 1 });
    const two = torrent({ title: "Episode 9", total_bytes: 9, playable_count: 2, viewed_count: 1 });
    const three = torrent({ title: "Abc", total_bytes: 5, playable_count: 1, viewed_count: 0 });
    const all = [one, two, three];
    expect(inOrder(all, "recent")).toEqual(all);
    expect(inOrder(all, "title")).toEqual([three, two, one]);
    expect(inOrder(all, "size")).toEqual([two, one, three]);
    expect(inOrder(all, "unseen")).toEqual([two, three, one]);
  });
});
