import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import type { Page } from "@playwright/test";
import type { AxeResults } from "axe-core";

import { addTorrent, expect, openSubtitled, playsPast, test } from "./harness";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What is wrong with the page for people who use it differently; one line each. */
async function violations(page: Page): Promise<string[]> {
  // Movement hides colors from the check.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.evaluate(axeSource);
  const results = await page.evaluate<AxeResults>("axe.run(document, { resultTypes: ['violations'] })");
  return results.violations.flatMap((violation) =>
    violation.nodes.map((node) => `${violation.id}: ${node.target.join(" ")} – ${node.failureSummary ?? ""}`),
  );
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`all pages can be used by everybody (${colorScheme})`, async ({ page, server, seeded, series }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(server.url);
    await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();
    expect(await violations(page), "empty library").toEqual([]);

    await addTorrent(server, seeded);
    await expect(page.getByRole("article")).toContainText("0 of 2 seen");
    expect(await violations(page), "library").toEqual([]);
    await page.getByRole("article").hover();
    await page.getByRole("checkbox", { name: /^Select/ }).click();
    expect(await violations(page), "a selection").toEqual([]);
    await page.getByRole("button", { name: "Show as a list" }).click();
    await page.getByRole("button", { name: /^More/ }).click();
    expect(await violations(page), "a list and a menu").toEqual([]);
    await page.keyboard.press("Escape");
    await page.goto(`${server.url}/#/search`);
    await expect(page.getByRole("textbox", { name: /Address/ })).toBeVisible();
    expect(await violations(page), "search").toEqual([]);

    await page.goto(`${server.url}/#/torrent/${seeded.infoHash}`);
    await expect(page.getByRole("checkbox")).toHaveCount(2);
    expect(await violations(page), "torrent").toEqual([]);
    await page.getByRole("button", { name: "Delete files…" }).click();
    expect(await violations(page), "dialog").toEqual([]);
    await page.keyboard.press("Escape");

    await page.goto(`${server.url}/#/settings`);
    await expect(page.getByRole("switch", { name: "HTTPS" })).toBeVisible();
    expect(await violations(page), "settings").toEqual([]);

    await page.goto(`${server.url}/#/import`);
    await page.getByRole("textbox", { name: "Address of the server" }).fill(new URL(server.url).host);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("button", { name: "Take over" })).toBeVisible();
    await page.getByText("Show the torrents").click();
    expect(await violations(page), "import").toEqual([]);

    await page.goto(`${server.url}/player.html#${seeded.infoHash}`);
    await playsPast(page, 0.5);
    await page.keyboard.press("Space");
    expect(await violations(page), "player").toEqual([]);
    await page.keyboard.press("?");
    expect(await violations(page), "shortcuts").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("i");
    expect(await violations(page), "statistics").toEqual([]);
    await page.keyboard.press("Control+g");
    expect(await violations(page), "going to a time").toEqual([]);
    await page.keyboard.press("Escape");

    await addTorrent(server, series);
    await page.goto(`${server.url}/player.html#${series.infoHash}/0`);
    await playsPast(page, 0.5);
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Chapters" }).click();
    expect(await violations(page), "opening and chapters").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    await expect(page.getByRole("button", { name: "Watch the credits" })).toBeVisible();
    expect(await violations(page), "next episode").toEqual([]);
  });
}

test("the way from the link to the film needs no pointer", async ({ page, server, seeded }) => {
  await addTorrent(server, seeded);
  await page.goto(server.url);
  await expect(page.getByRole("article")).toContainText("0 of 2 seen");
  const play = page.getByRole("article").getByRole("button", { name: /^Play/ });
  for (let step = 0; step < 20; step += 1) {
    await page.keyboard.press("Tab");
    if (await play.evaluate((button) => button === document.activeElement)) break;
  }
  await expect(play).toBeFocused();
  const opened = page.waitForEvent("popup");
  await page.keyboard.press("Enter");
  const player = await opened;
  await playsPast(player, 0.5);

  await player.keyboard.press("Tab");
  await player.keyboard.press("Tab");
  await expect(player.getByRole("slider", { name: "Position" })).toBeFocused();
  await player.keyboard.press("Home");
  await player.keyboard.press("Control+ArrowRight");
  await playsPast(player, 60);
});

test("subtitles can be chosen by everybody", async ({ page, server, subtitled }) => {
  await openSubtitled(page, server, subtitled);
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Subtitles", exact: true }).press("Enter");
  await expect(page.getByRole("dialog", { name: "Subtitles" })).toBeVisible();
  expect(await violations(page)).toEqual([]);
  // By keys alone: the next track, and back to where the menu was opened from.
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("radio", { name: /^Russian · Forced/ })).toBeChecked();
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Subtitles", exact: true })).toBeFocused();
  await expect(page.getByTestId("first-subtitles")).toContainText("forced sign");
});
