/* Why a film does not start: each cause is brought about, and the page names it and no other. */
import { createServer } from "node:http";
import { once } from "node:events";

import type { Page } from "@playwright/test";

import { clipsFolder } from "./clips";
import type { Seeded, Server } from "./harness";
import { addTorrent, expect, startSeeder, stopChild, test } from "./harness";
import type { Manner } from "./wire-peer";
import { infoOf, WirePeer } from "./wire-peer";

/** Longer than any cause takes to be told. */
const PATIENCE_MS = 25_000;

/** Opens the film, and gives every cause that was shown until the right one had stood for two seconds. */
async function causes(page: Page, server: Server, infoHash: string, expected: RegExp): Promise<string[]> {
  await page.goto(`${server.url}/player.html#${infoHash}/0`);
  const cause = page.locator(".stage .cause");
  const seen = new Set<string>();
  let stoodSince = 0;
  const hasStood = async () => {
    const text = (await cause.textContent()) ?? "";
    if (text !== "") seen.add(text.replaceAll(/\d[\d.,]*\s*[kM]?B\/s/g, "R"));
    if (!expected.test(text)) stoodSince = 0;
    else if (stoodSince === 0) stoodSince = Date.now();
    return stoodSince > 0 && Date.now() - stoodSince > 2_000 ? "it stood" : [...seen].join(" | ");
  };
  await expect
    .poll(hasStood, { message: `the cause is ${String(expected)}`, timeout: PATIENCE_MS, intervals: [100] })
    .toBe("it stood");
  return [...seen];
}

/** A tracker that always says this. */
async function startTracker(answer: string) {
  const tracker = createServer((_, response) => response.end(answer));
  tracker.listen(0, "127.0.0.1");
  await once(tracker, "listening");
  const address = tracker.address();
  if (address === null || typeof address === "string") throw new Error("the tracker does not listen");
  return { url: `http://127.0.0.1:${address.port}/announce`, stop: () => tracker.close() };
}

const NOBODY = "0123456789".repeat(4);
const linkTo = (tracker: string): Seeded => ({
  magnet: `magnet:?xt=urn:btih:${NOBODY}&tr=${encodeURIComponent(tracker)}`,
  infoHash: NOBODY,
  torrentFile: "",
});

test.describe("a late start names its cause:", () => {
  const withheld: [Manner, RegExp][] = [
    ["silent", /^1 peer found, it has not answered yet\.$/],
    ["without details", /^1 peer is connected, it has not sent the details of the link yet\.$/],
    ["choking", /^1 peer found, it is not sending to us yet\. Usually a few seconds\.$/],
    ["without pieces", /^1 person shares this, but does not have this part\.$/],
    ["lying", /^Everyone who was found sent wrong data and was turned away\. Looking for others\.$/],
  ];
  for (const [manner, sentence] of withheld) {
    test(`the only peer is ${manner}`, async ({ page, server, seeded }) => {
      const peer = await WirePeer.start(manner, infoOf(Buffer.from(seeded.torrentFile, "base64")));
      await addTorrent(server, { ...seeded, magnet: peer.magnet });
      expect(await causes(page, server, peer.infoHash, sentence)).toHaveLength(1);
      await peer.stop();
    });
  }

  test("the tracker knows nobody", async ({ page, server }) => {
    const tracker = await startTracker("d8:intervali1800e5:peers0:e");
    await addTorrent(server, linkTo(tracker.url));
    const sentence = /^No one is sharing this right now\. Still looking\.$/;
    expect(await causes(page, server, NOBODY, sentence)).toHaveLength(1);
    tracker.stop();
  });

  test("the tracker refuses", async ({ page, server }) => {
    const tracker = await startTracker("d14:failure reason20:<b>unregistered</b>\u0007e");
    await addTorrent(server, linkTo(tracker.url));
    const sentence = /^The tracker does not serve this: <b>unregistered<\/b>$/;
    expect(await causes(page, server, NOBODY, sentence)).toHaveLength(1);
    tracker.stop();
  });

  test("all transfers are paused", async ({ page, server, seeded }) => {
    await addTorrent(server, seeded);
    await expect.poll(() => isReady(server, seeded.infoHash)).toBe(true);
    await server.call("transfers_pause", { paused: true });
    const sentence = /^All transfers are paused\. Let them go on in the main window\.$/;
    expect(await causes(page, server, seeded.infoHash, sentence)).toHaveLength(1);
  });

  test("the download limit is used up", async ({ page, server, seeded }) => {
    // Before the torrent is there, so that it holds from its first byte.
    await server.call("settings_update", { download_limit_bytes_per_sec: 1024 });
    await addTorrent(server, seeded);
    const sentence = /^The download limit is used up\. A higher one lets it go on sooner\.$/;
    expect(await causes(page, server, seeded.infoHash, sentence)).toHaveLength(1);
  });

  test("the network interface is gone", async ({ page, server, seeded }) => {
    await addTorrent(server, seeded);
    await expect.poll(() => isReady(server, seeded.infoHash)).toBe(true);
    await server.call("settings_update", { transfers: { network_interface: "tun9" } });
    await page.goto(server.url);
    await expect(page.getByText("The network interface tun9 is missing")).toBeVisible();
    const sentence = /^The network interface tun9 is missing or can't be used, so nothing is transferred\.$/;
    expect(await causes(page, server, seeded.infoHash, sentence)).toHaveLength(1);
  });

  test("the seeder has a thin line", async ({ page, server }) => {
    const { child, seeded } = await startSeeder(clipsFolder, ["--upload-limit", "3000"]);
    await addTorrent(server, seeded);
    const sentence = /^It is on its way: 1 peer, /;
    expect(await causes(page, server, seeded.infoHash, sentence)).toHaveLength(1);
    await stopChild(child, "SIGTERM");
  });

  test("the disk is full", async ({ page, smallDisk, seeded }) => {
    await addTorrent(smallDisk, seeded);
    const sentence = /^The disk is full\. Free some space, and it goes on\.$/;
    expect(await causes(page, smallDisk, seeded.infoHash, sentence)).toHaveLength(1);
  });

  test("the picture is slow to prepare", async ({ page, slowFfmpeg, seeded }) => {
    await addTorrent(slowFfmpeg, seeded);
    const sentence = /^The picture is being prepared\.$/;
    expect(await causes(page, slowFfmpeg, seeded.infoHash, sentence)).toHaveLength(1);
  });
});

async function isReady(server: Server, infoHash: string): Promise<boolean> {
  return (await server.call("torrent_detail", { info_hash: infoHash })).summary.state === "ready";
}
