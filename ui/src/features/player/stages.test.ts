import { describe, expect, it } from "vitest";

import { stats, torrent } from "../../test/samples";
import type { StageInput } from "./stages";
import { CAUSE_AFTER_SECS, stageOf } from "./stages";

function stage(change: Partial<StageInput>) {
  return stageOf({
    phase: "resolving",
    torrent: torrent(),
    stats: undefined,
    areTransfersPaused: false,
    missingInterface: null,
    elapsedSecs: 0,
    formatRate: (rate) => `${rate} B/s`,
    ...change,
  });
}

describe("the stage before the first picture", () => {
  it.each([
    [{ phase: "waiting" }, "stage.opening", {}],
    [{ phase: "resolving" }, "stage.peers", { count: 0 }],
    [{ phase: "resolving", stats: stats({ known_peers: 14 }) }, "stage.peers", { count: 14 }],
    [{ phase: "resolving", stats: stats({ known_peers: 14, connected_peers: 2 }) }, "stage.details", {}],
    [{ phase: "opening" }, "stage.opening", {}],
    [{ phase: "opening", stats: stats() }, "stage.peers", { count: 0 }],
    [
      { phase: "opening", stats: stats({ known_peers: 9, connected_peers: 3 }) },
      "stage.connecting",
      { connected: 3, known: 9 },
    ],
    [
      { phase: "opening", stats: stats({ known_peers: 9, connected_peers: 3, down_bytes_per_sec: 5 }) },
      "stage.loading",
      {},
    ],
    [{ phase: "opening", stats: stats({ have_bytes: 100 }) }, "stage.loading", {}],
    [{ phase: "starting", stats: stats() }, "stage.starting", {}],
  ] as [Partial<StageInput>, string, object][])("of %o is %s", (input, key, values) => {
    expect(stage(input)).toEqual({ line: { key, values }, cause: null });
  });

  it("says why after some seconds, not before", () => {
    expect(stage({ elapsedSecs: CAUSE_AFTER_SECS - 1 }).cause).toBeNull();
    expect(stage({ elapsedSecs: CAUSE_AFTER_SECS }).cause?.key).toBe("stage.whyNoPeers");
  });

  it.each([
    [{ areTransfersPaused: true }, "stage.whyPaused", {}],
    [{ phase: "waiting" }, "stage.whyOpening", {}],
    [{ phase: "opening" }, "stage.whyOpening", {}],
    [{ phase: "starting" }, "stage.whyPreparing", {}],
    [
      { phase: "starting", stats: stats({ waiting: "no_peers" }) },
      "wait.noPeers",
      { count: 0, rate: "0 B/s" },
    ],
    [{ missingInterface: "tun9" }, "wait.interfaceMissing", { name: "tun9" }],
    [
      { stats: stats({ waiting: "no_peers", tracker_refusal: "unregistered" }) },
      "wait.refused",
      { words: "unregistered" },
    ],
    [
      { stats: stats({ waiting: "no_peers", tracker_refusal: "unregistered", known_peers: 2 }) },
      "stage.whySilent",
      { count: 2 },
    ],
    [
      { stats: stats({ connected_peers: 2, waiting: "no_details" }) },
      "wait.noDetails",
      { count: 2, rate: "0 B/s" },
    ],
    [{}, "stage.whyNoPeers", {}],
    [{ stats: stats({ known_peers: 3 }) }, "stage.whySilent", { count: 3 }],
    [{ stats: stats({ known_peers: 3, waiting: "no_peers" }) }, "stage.whySilent", { count: 3 }],
    [
      { stats: stats({ connected_peers: 2, waiting: "nobody_has_it" }) },
      "wait.nobodyHasIt",
      { count: 2, rate: "0 B/s" },
    ],
    [{ stats: stats({ known_peers: 3, connected_peers: 2 }) }, "stage.whyChoked", { count: 2 }],
    [
      { phase: "opening", stats: stats({ connected_peers: 2, down_bytes_per_sec: 800 }) },
      "stage.whySlow",
      { count: 2, rate: "800 B/s" },
    ],
  ] as [Partial<StageInput>, string, object][])("names the cause of %o", (input, key, values) => {
    expect(stage({ elapsedSecs: 9, ...input }).cause).toEqual({ key, values });
  });
});
