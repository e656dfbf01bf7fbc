import { describe, expect, it } from "vitest";

import { AppState } from "../../lib/stores/app-state.svelte";
import { HASH_A, HASH_B, mark, snapshot, torrent } from "../../test/samples";
import { groupFiles } from "../torrent/files";
import { continuations, leftOff } from "./progress";

describe("what was left in the middle", () => {
  it("is the file that was watched last and is neither new nor seen", () => {
    const marks = [
      mark({ file_index: 0, position_secs: 10, updated_at_ms: 1 }),
      mark({ file_index: 1, position_secs: 20, updated_at_ms: 3 }),
      mark({ file_index: 2, position_secs: 30, updated_at_ms: 9, viewed: true }),
      mark({ file_index: 3, position_secs: 0, updated_at_ms: 9 }),
      mark({ file_index: 4, position_secs: 5, updated_at_ms: 9, duration_secs: null }),
    ];
    expect(leftOff(marks)?.file_index).toBe(1);
    expect(leftOff([])).toBeUndefined();
  });

  it("is offered latest first, for torrents that are in the library", () => {
    const app = new AppState();
    app.apply(
      snapshot({
        torrents: [torrent(), torrent({ info_hash: HASH_B })],
        marks: [
          { info_hash: HASH_A, marks: [mark({ position_secs: 5, updated_at_ms: 1 })] },
          { info_hash: HASH_B, marks: [mark({ position_secs: 5, updated_at_ms: 2 })] },
          { info_hash: "c".repeat(40), marks: [mark({ position_secs: 5, updated_at_ms: 3 })] },
        ],
      }),
    );
    expect(continuations(app).map((one) => one.torrent.info_hash)).toEqual([HASH_B, HASH_A]);
  });
});

describe("files of a torrent", () => {
  const file = (index: number, path: string, kind: "video" | "audio" | "subtitle" | "other") => ({
    index,
    path,
    length_bytes: 1,
    kind,
    torrserver_id: index + 1,
  });

  it("are grouped by folder in the order of their numbers, what can be watched first", () => {
    const groups = groupFiles([
      file(0, "S1/e10.mkv", "video"),
      file(1, "S1/e2.mkv", "video"),
      file(2, "extra.mkv", "video"),
      file(3, "S1/e2.srt", "subtitle"),
      file(4, "theme.flac", "audio"),
    ]);
    expect(groups.playable.map((folder) => [folder.path, folder.files.map((one) => one.index)])).toEqual([
      ["", [2]],
      ["S1", [1, 0]],
    ]);
    expect(groups.others.map((folder) => folder.files.map((one) => one.index))).toEqual([[4], [3]]);
  });

  it("that are music count as playable where there is no video", () => {
    expect(groupFiles([file(0, "a.flac", "audio")]).playable).toHaveLength(1);
    expect(groupFiles([file(0, "a.txt", "other")]).playable).toEqual([]);
  });
});
