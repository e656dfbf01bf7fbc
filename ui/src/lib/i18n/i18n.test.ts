import { describe, expect, it } from "vitest";

import type { ErrorCode, NoticeKind } from "../host/bindings";
import { Formats, clock } from "./format";
import type { Locale, Message } from "./translate";
import { COMPLETE, fill, LOCALES, pickLocale, translate } from "./translate";

const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
const texts = (message: Message) => (typeof message === "string" ? [message] : Object.values(message));

describe.each(Object.keys(LOCALES) as Locale[])("locale %s", (locale) => {
  const messages: Record<string, Message> = LOCALES[locale];
  const english: Record<string, Message> = LOCALES.en;

  it("has the same keys as English, or some of them where it is not complete", () => {
    expect(Object.keys(english)).toEqual(expect.arrayContaining(Object.keys(messages)));
    if (COMPLETE.includes(locale)) expect(Object.keys(messages).sort()).toEqual(Object.keys(english).sort());
  });

  it("has all plural forms of its language where English has plural forms", () => {
    const forms = new Intl.PluralRules(locale).resolvedOptions().pluralCategories.sort();
    for (const [key, message] of Object.entries(english)) {
      const own = messages[key];
      if (own === undefined) continue;
      expect(typeof own, key).toBe(typeof message);
      if (typeof own === "object") expect(Object.keys(own).sort(), key).toEqual(forms);
    }
  });

  it("has the same placeholders as English in every form", () => {
    for (const [key, message] of Object.entries(english)) {
      const expected = placeholders(texts(message)[0] ?? "");
      const own = messages[key];
      if (own === undefined) continue;
      for (const text of texts(own)) expect(placeholders(text), key).toEqual(expected);
    }
  });

  it("has no empty text", () => {
    for (const [key, message] of Object.entries(messages)) {
      for (const text of texts(message)) expect(text.trim(), key).not.toBe("");
    }
  });
});

describe("words for codes", () => {
  // Complete by type: a new code on the Rust side does not compile here until it is named.
  const codes: Record<ErrorCode, true> = {
    invalid_source: true,
    invalid_info_hash: true,
    invalid_torrent: true,
    v2_only: true,
    fetch_failed: true,
    address_refused: true,
    interface_missing: true,
    certificates_missing: true,
    no_details: true,
    not_found: true,
    no_such_file: true,
    not_ready: true,
    unreadable_media: true,
    ffmpeg_missing: true,
    stalled: true,
    busy: true,
    disk_full: true,
    storage_failed: true,
    folder_gone: true,
    damaged: true,
    store_failed: true,
    forbidden: true,
    bad_request: true,
    cancelled: true,
    internal: true,
  };
  const notices: Record<NoticeKind, true> = {
    port_taken: true,
    peer_port_taken: true,
    ffmpeg_missing: true,
    blocklist_unread: true,
    interface_missing: true,
    line_spared: true,
    certificates_missing: true,
    database_restored: true,
    store_failed: true,
  };

  it("exist for every error and every notice", () => {
    expect(Object.keys(LOCALES.en)).toEqual(
      expect.arrayContaining([
        ...Object.keys(codes).map((code) => `error.${code}`),
        ...Object.keys(notices).map((kind) => `notice.${kind}`),
      ]),
    );
  });
});

describe("translate", () => {
  it("chooses the plural form by the language's rules", () => {
    const forms = [1, 3, 5, 11, 21, 24].map((count) => translate("ru", "card.files", { count }));
    expect(forms).toEqual(["1 файл", "3 файла", "5 файлов", "11 файлов", "21 файл", "24 файла"]);
    expect([1, 2].map((count) => translate("en", "card.files", { count }))).toEqual(["1 file", "2 files"]);
  });

  it("leaves to English what a language has no words for", () => {
    expect(fill(undefined, "ru", {})).toBeUndefined();
    expect(fill({ few: "{count} файла" }, "ru", { count: 5 }), "not this form").toBeUndefined();
    expect(fill({ few: "{count} файла" }, "ru", { count: 3 })).toBe("3 файла");
    expect(fill({ other: "{count} files" }, "en", { count: 1 }), "one form for all").toBe("1 files");
  });

  it("puts a title into a text as it is, braces and all", () => {
    expect(translate("en", "add.added", { title: "{title} $& <b>" })).toBe("Added “{title} $& <b>”");
  });

  it("takes the first language that it knows", () => {
    expect(pickLocale(["de-DE", "ru-RU", "en"])).toBe("ru");
    expect(pickLocale(["de"])).toBe("en");
    expect(pickLocale([])).toBe("en");
  });
});

describe("formats", () => {
  it("write sizes in decimal units", () => {
    const en = new Formats("en");
    expect([0, 999, 1500, 123_456_789, 2_350_000_000].map((n) => en.bytes(n))).toEqual([
      "0\u00a0B",
      "999\u00a0B",
      "1.5\u00a0kB",
      "123\u00a0MB",
      "2.4\u00a0GB",
    ]);
    expect(en.bytes(999_700)).toBe("1\u00a0MB");
    expect(new Formats("ru").rate(4_100_000)).toBe("4,1\u00a0МБ/с");
  });

  it("write times as clocks and as words", () => {
    expect([0, 65, 3760, Number.NaN].map(clock)).toEqual(["0:00", "1:05", "1:02:40", "–:––"]);
    expect(new Formats("en").spokenTime(3760)).toBe("1 hour 2 minutes 40 seconds");
    expect(new Formats("ru").spokenTime(125)).toBe("2 минуты 5 секунд");
    expect(new Formats("en").spokenTime(0)).toBe("0 seconds");
  });
});
