import { describe, expect, it } from "vitest";

import type { SubtitleTrack } from "../../../lib/host/bindings";
import { translate } from "../../../lib/i18n/translate";
import type { Choosable } from "./tracks";
import { baseLanguage } from "../tracks";
import { choosable, firstChoice, MAX_OWN_FILE_BYTES, ownFile, subtitleName } from "./tracks";

let count = 0;
function track(language: string | null, change: Partial<SubtitleTrack> = {}): Choosable {
  return choosable({
    source: { kind: "embedded", stream_index: (count += 1) },
    form: "text",
    format: "srt",
    language,
    title: null,
    is_default: false,
    is_forced: false,
    is_for_hearing_impaired: false,
    ...change,
  });
}

const t = (key: Parameters<typeof translate>[1], values?: Record<string, string | number>) =>
  translate("en", key, values);

describe("the first choice", () => {
  const english = track("eng", { is_default: true });
  const russianForced = track("rus", { is_forced: true });
  const russianSdh = track("ru", { is_for_hearing_impaired: true });
  const russian = track("ru-RU");
  const all = [english, russianForced, russianSdh, russian];

  it.each([
    ["a foreign film gets the full track in the own language", "eng", russian],
    ["an understood film gets what is forced", "rus", russianForced],
    ["nobody knows what is spoken: nothing", null, null],
    ["und", "und", null],
  ])("%s", (_, audio, expected) => {
    expect(firstChoice(all, null, audio, "ru")).toBe(expected);
  });

  it("is that of the last file, or none if there was none", () => {
    expect(firstChoice(all, "off", "eng", "ru")).toBeNull();
    expect(firstChoice(all, { language: "eng", title: null, isForced: false }, "eng", "ru")).toBe(english);
    expect(firstChoice(all, { language: "rus", title: "gone", isForced: true }, "eng", "ru")).toBe(
      russianForced,
    );
    expect(firstChoice(all, { language: "jpn", title: null, isForced: false }, "eng", "ru")).toBe(russian);
  });

  it("takes what there is, but not another language", () => {
    expect(firstChoice([english, russianSdh], null, "jpn", "ru")).toBe(russianSdh);
    expect(firstChoice([english], null, "jpn", "ru")).toBeNull();
    expect(firstChoice([], null, "jpn", "ru")).toBeNull();
  });
});

it("knows languages by each of their codes", () => {
  const tags = ["rus", "ru", "ru-RU", "ger", "deu", "chi", "und", "", null, "not a tag!"];
  expect(tags.map(baseLanguage)).toEqual([
    "ru",
    "ru",
    "ru",
    "de",
    "de",
    "zh",
    null,
    null,
    null,
    "not a tag!",
  ]);
});

it("names tracks by what is known of them", () => {
  const named = track("rus", { is_forced: true, title: "<b>Studio</b>", format: "ass" });
  expect(subtitleName(named, 1, "en", t)).toBe("Russian · Forced · <b>Studio</b> · ASS");
  expect(subtitleName(track(null), 3, "en", t)).toBe("Track 3 · SRT");
});

it("takes own files of text, and nothing large", () => {
  const file = (name: string, size = 10) => {
    const made = new File(["x"], name);
    Object.defineProperty(made, "size", { value: size });
    return made;
  };
  expect(ownFile(file("a.SRT"), 1)?.track.form).toBe("text");
  expect(ownFile(file("a.ssa"), 2)).toMatchObject({ key: "o2", track: { form: "ass", title: "a.ssa" } });
  for (const refused of [file("a.exe"), file("srt"), file("a.sup"), file("a.srt", MAX_OWN_FILE_BYTES + 1)]) {
    expect(ownFile(refused, 3)).toBeNull();
  }
});
