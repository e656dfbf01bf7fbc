import { describe, expect, it } from "vitest";

import { stats } from "../test/samples";
import type { WaitReason } from "./host/bindings";
import { LOCALES, translate } from "./i18n/translate";
import { waitLine } from "./wait";

const rate = (bytesPerSec: number) => `${bytesPerSec} B/s`;

describe("why a reader waits", () => {
  it.each([
    ["no_peers", "No one is sharing this right now. Still looking."],
    ["bad_data", "Everyone who was found sent wrong data and was turned away. Looking for others."],
    ["no_details", "6 peers are connected, none has sent the details of the link yet."],
    ["nobody_has_it", "6 people share this, but none has this part."],
    ["all_choke", "6 peers found, none is sending to us yet. Usually a few seconds."],
    ["disk_full", "The disk is full. Free some space, and it goes on."],
    ["rate_limit", "The download limit is used up. A higher one lets it go on sooner."],
    ["budget", "The space that is allowed for films is too small for all who watch."],
    ["slow", "It is on its way: 6 peers, 800 B/s."],
  ] as [WaitReason, string][])("is a sentence for %s, in every language", (waiting, sentence) => {
    const line = waitLine(stats({ waiting, connected_peers: 6, down_bytes_per_sec: 800 }), rate, null);
    expect(line && translate("en", line.key, line.values)).toBe(sentence);
    for (const locale of Object.keys(LOCALES) as (keyof typeof LOCALES)[]) {
      expect(line && translate(locale, line.key, line.values)).not.toContain("{");
    }
  });

  it("is the missing interface before all, and a tracker's word while nobody is known", () => {
    const refused = stats({ waiting: "no_peers", tracker_refusal: "unregistered {x}" });
    const text = (line: ReturnType<typeof waitLine>) => line && translate("en", line.key, line.values);
    expect(text(waitLine(refused, rate, null))).toBe("The tracker does not serve this: unregistered {x}");
    expect(text(waitLine(refused, rate, "tun9"))).toBe(
      "The network interface tun9 is missing or can't be used, so nothing is transferred.",
    );
  });

  it("is nothing while nobody waits", () => {
    expect(waitLine(undefined, rate, "tun9")).toBeNull();
    expect(waitLine(stats(), rate, "tun9")).toBeNull();
  });
});
