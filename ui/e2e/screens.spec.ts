/*
 * Every screen in both themes and both languages: nothing is wider than its window, on a phone neither. With
 * FRESHET_SCREENS=write the pictures of `docs/screens` are made anew.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import type { Page } from "@playwright/test";

import type { Seeded, Server } from "./harness";
import { addTorrent, expect, fillLibrary, playsPast, test } from "./harness";
import { SERVICE_KEY, startService } from "./torznab";

const FOLDER = resolve(import.meta.dirname, "../../docs/screens");
const isWriting = process.env["FRESHET_SCREENS"] === "write";
const WINDOW = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const OFFERS = ["2160p.HDR.BluRay", "1080p.WEB-DL", "1080p.BluRay", "720p.HDTV", "DVDRip"].map(
  (quality, index) => ({
    title: `Silent.River.S0${index + 1}.${quality}-EXAMPLE`,
    sizeBytes: 9_400_000_000 / (index + 1),
    seeders: 180 >> index,
    magnet: `magnet:?xt=urn:btih:${String(index + 1).repeat(40)}`,
  }),
);

/** Whether something sticks out at the side. */
const overhang = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function look(page: Page, name: string): Promise<void> {
  expect(await overhang(page), `${name} is as wide as its window`).toBe(0);
  await page.setViewportSize(PHONE);
  await expect.poll(() => overhang(page), { message: `${name} is as wide as a phone` }).toBe(0);
  await page.setViewportSize(WINDOW);
  if (isWriting) {
    await page.evaluate(() => document.fonts.ready);
    await page.screenshot({ path: resolve(FOLDER, `${name}.jpg`), type: "jpeg", quality: 82 });
  }
}

async function withLibrary(server: Server, seeded: Seeded): Promise<string> {
  await server.stop();
  fillLibrary(server.folder, 60);
  await server.start();
  await addTorrent(server, seeded);
  await expect
    .poll(() =>
      server.call("torrent_detail", { info_hash: seeded.infoHash }).then(({ files }) => files.length),
    )
    .toBeGreaterThan(0);
  return seeded.infoHash;
}

/** The widest words and the narrowest, on light and on dark; pictures are made of all. */
const LOOKS = [
  ["en", "light"],
  ["ru", "dark"],
  ["en", "dark"],
  ["ru", "light"],
] as const;

for (const [language, theme] of isWriting ? LOOKS : LOOKS.slice(0, 2)) {
  test(`every screen fits (${language}, ${theme})`, async ({ page, server, series }) => {
    test.setTimeout(120_000);
    if (isWriting) mkdirSync(FOLDER, { recursive: true });
    const name = (screen: string) => `${screen}-${language}-${theme}`;
    const go = async (address: string) => {
      await page.goto("about:blank");
      await page.goto(`${server.url}/${address}`);
    };
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.setViewportSize(WINDOW);
    await server.call("settings_update", { language, theme });
    await go("");
    await expect(page.locator("main button").first()).toBeVisible();
    await look(page, name("first-run"));

    await server.call("settings_update", { is_welcomed: true });
    await go("");
    await expect(page.getByRole("heading", { level: 2 })).toBeVisible();
    await look(page, name("empty"));

    const infoHash = await withLibrary(server, series);
    await go("");
    await expect(page.getByRole("article").first()).toBeVisible();
    // The sentence that is shown once is not what this is about.
    await page.locator("main").getByRole("button").first().click();
    await look(page, name("library"));
    await page.keyboard.press("Control+a");
    await expect(page.getByRole("toolbar")).toBeVisible();
    await look(page, name("selection"));

    await go(`#/torrent/${infoHash}`);
    await expect(page.getByRole("checkbox").first()).toBeVisible();
    await look(page, name("torrent"));

    const service = await startService(OFFERS);
    try {
      const indexers = [{ name: "Jackett", url: service.url, api_key: SERVICE_KEY }];
      await server.call("settings_update", { search: { torznab_enabled: true, indexers } });
      await go("#/search");
      await page.getByRole("searchbox").fill("silent river");
      await page.keyboard.press("Enter");
      await expect(page.locator("article")).toHaveCount(OFFERS.length);
      await look(page, name("search"));
    } finally {
      service.close();
    }

    await go("#/import");
    // Another Freshet answers as TorrServer does, and so does this one.
    await page.locator("main form input").fill(new URL(server.url).host);
    await page.keyboard.press("Enter");
    await expect(page.locator("main section h2")).toBeFocused();
    await look(page, name("import"));

    for (const section of ["general", "devices"]) {
      await go(`#/settings/${section}`);
      await expect(page.getByRole("switch").first()).toBeVisible();
      await look(page, name(`settings-${section}`));
    }

    await page.goto(`${server.url}/player.html#${infoHash}/0`);
    await playsPast(page, 1);
    await page.keyboard.press("Space");
    await look(page, name("player"));
  });
}
