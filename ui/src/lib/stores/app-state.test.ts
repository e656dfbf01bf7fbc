import { describe, expect, it } from "vitest";

import { FakeHost } from "../host/fake";
import { HASH_A, HASH_B, mark, resolving, settings, snapshot, stats, torrent } from "../../test/samples";
import { AppState } from "./app-state.svelte";

describe("AppState", () => {
  it("starts from the snapshot and follows what comes after", () => {
    const host = new FakeHost();
    const app = new AppState();
    const stop = app.follow(host);
    expect(app.isLoaded).toBe(false);

    host.send(snapshot({ torrents: [torrent()], stats: [stats({ known_peers: 3 })] }));
    host.send({ type: "torrent_changed", revision: 11, torrent: torrent({ title: "Renamed" }) });
    host.send({
      type: "marks_changed",
      revision: 12,
      marks: { info_hash: HASH_A, marks: [mark({ viewed: true })] },
    });
    host.send({ type: "settings_changed", revision: 13, settings: { ...settings, theme: "dark" } });
    host.send({ type: "transfers_paused", paused: true });

    expect(app.isLoaded).toBe(true);
    expect(app.torrentList.map((one) => one.title)).toEqual(["Renamed"]);
    expect(app.markOf(HASH_A, 0)?.viewed).toBe(true);
    expect(app.statsOf(HASH_A)?.known_peers).toBe(3);
    expect(app.settings?.theme).toBe("dark");
    expect(app.areTransfersPaused).toBe(true);

    stop();
    host.send({ type: "transfers_paused", paused: false });
    expect(app.areTransfersPaused).toBe(true);
  });

  it("takes a value that is not newer than the last one of its key for old news", () => {
    const app = new AppState();
    app.apply(snapshot({ revision: 10, torrents: [torrent({ title: "Ten" })] }));
    app.apply({ type: "torrent_changed", revision: 10, torrent: torrent({ title: "Old" }) });
    expect(app.torrents.get(HASH_A)?.title).toBe("Ten");

    app.apply({ type: "torrent_changed", revision: 20, torrent: torrent({ title: "Twenty" }) });
    app.apply({ type: "torrent_changed", revision: 15, torrent: torrent({ title: "Fifteen" }) });
    app.apply({ type: "torrent_removed", revision: 12, info_hash: HASH_A });
    expect(app.torrents.get(HASH_A)?.title).toBe("Twenty");

    app.apply({ type: "marks_changed", revision: 15, marks: { info_hash: HASH_A, marks: [mark()] } });
    expect(app.marksOf(HASH_A), "another key").toHaveLength(1);
    app.apply({ type: "torrent_removed", revision: 21, info_hash: HASH_A });
    expect(app.torrents.size).toBe(0);
  });

  it("forgets with a new snapshot what is not in it", () => {
    const app = new AppState();
    app.apply(
      snapshot({
        torrents: [torrent(), torrent({ info_hash: HASH_B })],
        marks: [{ info_hash: HASH_B, marks: [mark()] }],
        stats: [stats({ info_hash: HASH_B })],
      }),
    );
    // A restarted other side counts its revisions anew.
    app.apply(snapshot({ revision: 2, torrents: [torrent()] }));
    app.apply({ type: "torrent_changed", revision: 3, torrent: torrent({ title: "After the restart" }) });

    expect([...app.torrents.values()].map((one) => one.title)).toEqual(["After the restart"]);
    expect(app.marksOf(HASH_B)).toEqual([]);
    expect(app.statsOf(HASH_B)).toBeUndefined();
  });

  it("counts the waiting for details from the moment it saw it", () => {
    let nowMs = 5_000;
    const app = new AppState(() => nowMs);
    app.apply(snapshot({ torrents: [resolving()] }));
    nowMs = 9_000;
    app.apply({ type: "torrent_changed", revision: 11, torrent: resolving({ title: "Named" }) });
    expect(app.resolvingSinceMs(HASH_A)).toBe(5_000);

    app.apply({ type: "torrent_changed", revision: 12, torrent: torrent() });
    expect(app.resolvingSinceMs(HASH_A)).toBeUndefined();
  });

  it("takes torrents that the statistics do not name for idle", () => {
    const app = new AppState();
    app.apply(snapshot({ stats: [stats()] }));
    app.apply({ type: "stats_changed", stats: [stats({ info_hash: HASH_B })] });

    expect(app.statsOf(HASH_A)).toBeUndefined();
    expect(app.statsOf(HASH_B)).toBeDefined();
  });

  it("shows another poster when it is told of one, and only of torrents that are there", () => {
    const app = new AppState();
    app.apply(snapshot({ torrents: [torrent()] }));
    app.apply({ type: "poster_changed", info_hash: HASH_A, poster: "/poster/a/file-1" });
    app.apply({ type: "poster_changed", info_hash: HASH_B, poster: "/poster/b/file-1" });

    expect([...app.torrents.values()].map((one) => one.poster)).toEqual(["/poster/a/file-1"]);
  });

  it("lists the newest torrent first", () => {
    const app = new AppState();
    app.apply(
      snapshot({ torrents: [torrent(), torrent({ info_hash: HASH_B, title: "New", added_at_secs: 2000 })] }),
    );

    expect(app.torrentList.map((one) => one.title)).toEqual(["New", "River"]);
  });
});
