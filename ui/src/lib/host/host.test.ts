import { afterEach, describe, expect, it, vi } from "vitest";

import { BrowserHost } from "./browser";
import { CallError, formatTarget, parseTarget, toCallError } from "./host";

const HASH = "0123456789abcdef0123456789abcdef01234567";

describe("a player target in an address", () => {
  it("is read as it was written", () => {
    for (const target of [{ info_hash: HASH }, { info_hash: HASH, file_index: 12 }]) {
      expect(parseTarget(`#${formatTarget(target)}`)).toEqual(target);
    }
    expect(parseTarget(HASH.toUpperCase())).toEqual({ info_hash: HASH });
  });

  it.each(["", "#", "#abc", `#${HASH}/`, `#${HASH}/-1`, `#${HASH}/1/2`, `#${HASH}x`])(
    "is none in %o",
    (text) => {
      expect(parseTarget(text)).toBeNull();
    },
  );
});

describe("BrowserHost", () => {
  afterEach(() => vi.unstubAllGlobals());

  function answer(status: number, body: string) {
    const fetch = vi.fn<typeof globalThis.fetch>(() => Promise.resolve(new Response(body, { status })));
    vi.stubGlobal("fetch", fetch);
    return fetch;
  }

  it("posts a command with the header that foreign pages can't send", async () => {
    const fetch = answer(200, "null");
    await new BrowserHost().call("viewed_set", { info_hash: HASH, file_index: 1, viewed: true });

    const [address, request] = fetch.mock.calls[0] ?? [];
    expect(address).toBe("/rpc/viewed_set");
    expect(request).toMatchObject({
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Freshet": "1" },
      body: JSON.stringify({ info_hash: HASH, file_index: 1, viewed: true }),
      keepalive: false,
    });
  });

  it("sends a last word so that it outlives the page", async () => {
    const fetch = answer(200, "null");
    const report = { playback_id: "p", kind: "closed", position_secs: 1, duration_secs: null } as const;
    await new BrowserHost().call("playback_report", report, { isLastWord: true });

    expect(fetch.mock.calls[0]?.[1]?.keepalive).toBe(true);
  });

  it("gives a refusal as an error with its code", async () => {
    answer(400, JSON.stringify({ code: "invalid_source", message: "no link" }));
    const refusal = await new BrowserHost()
      .call("torrent_add", { source: "x" })
      .catch((error: unknown) => error);

    expect(refusal).toBeInstanceOf(CallError);
    expect((refusal as CallError).toWire()).toEqual({ code: "invalid_source", message: "no link" });
  });

  it("gives anything else that goes wrong as an error of ours", async () => {
    answer(500, "<html>");
    await expect(new BrowserHost().call("app_info", {})).rejects.toMatchObject({ code: "internal" });
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("connection refused")));
    await expect(new BrowserHost().call("app_info", {})).rejects.toMatchObject({
      code: "internal",
      message: "connection refused",
    });
  });
});

describe("toCallError", () => {
  it("keeps the code of what the shell threw", () => {
    expect(toCallError({ code: "disk_full", message: "full" }).code).toBe("disk_full");
    expect(toCallError("odd").toWire()).toEqual({ code: "internal", message: "odd" });
  });
});
