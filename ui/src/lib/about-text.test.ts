import { describe, expect, it } from "vitest";

import { about } from "../test/samples";
import { qualityText, seasonText } from "./about-text";
import { I18n } from "./i18n/i18n.svelte";

describe("what a name tells", () => {
  const { t } = new I18n(["en"]);
  const series = (first_season: number | null, last_season: number | null) =>
    seasonText(about({ kind: "series", first_season, last_season }), t);

  it("is the seasons of a series", () => {
    expect(series(2, 2)).toBe("Season 2");
    expect(series(1, 4)).toBe("Seasons 1–4");
    expect(series(0, 0)).toBe("Specials");
    expect(series(null, null)).toBe("");
    expect(seasonText(about({ kind: "film", first_season: 1 }), t)).toBe("");
  });

  it("is how good the picture is", () => {
    expect(qualityText(about({ resolution_lines: 1080, source: "WEB" }))).toBe("1080p WEB");
    expect(qualityText(about({ resolution_lines: 2160, is_hdr: true }))).toBe("4K HDR");
    expect(qualityText(about())).toBe("");
  });
});
