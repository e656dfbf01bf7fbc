import { describe, expect, it } from "vitest";

import { stats } from "../test/samples";
import type { WaitReason } from "./host/bindings";
import { LOCALES, translate } from "./i18n/translate";
import { waitLine } from "./wait";

const rate = (bytesPerSec: number) => `${bytesPerSec} B/s`;

describe("why a reader waits", () => {
  it.each([
    ["no_peers", "No one is sharing this right now. Still looking."],
    ["nobody_has_it", "6 people share this, but none has this part."],
    ["all_choke", "6 peers found, none is sending to us yet. Usually a few seconds."],
    ["disk_full", "The disk is full. Free some space, and it goes on."],
    ["rate_limit", "The download limit is used up. A higher one lets it go on sooner."],
    ["budget", "The space that is allowed for films is too small for all who watch."],
    ["slow", "It is on its way: 6 peers, 800 B/s."],
  ] as [WaitReason, string][])("is a sentence for %s, in every language", (waiting, sentence) => {
    const line = waitLine(stats({ waiting, connected_peers: 6, down_bytes_per_sec: 800 }), rate);
    expect(line && translate("en", line.key, line.values)).toBe(sentence);
    for (const locale of Object.keys(LOCALES) as (keyof typeof LOCALES)[]) {
      expect(line && translate(locale, line.key, line.values)).not.toContain("{");
    }
  });

  it("is nothing while nobody waits", () => {
    expect(waitLine(undefined, rate)).toBeNull();
    expect(waitLine(stats(), rate)).toBeNull();
  });
});
