import { readFileSync } from "node:fs";

import type { Page } from "@playwright/test";

import { CREDITS_FROM_SECS, EPISODE_SECS, FIRST_EPISODE, SECOND_EPISODE } from "./clips";
import type { Seeded, Server } from "./harness";
import { addTorrent, expect, playsPast, test, videoTime } from "./harness";

async function watch(page: Page, server: Server, series: Seeded): Promise<void> {
  await addTorrent(server, series);
  await page.goto(`${server.url}/player.html#${series.infoHash}/0`);
  await playsPast(page, 0.5);
}

test("an opening is skipped, chapters are chosen, and the next episode follows the credits", async ({
  page,
  server,
  series,
}) => {
  await watch(page, server, series);
  await expect(page.getByRole("button", { name: "Skip the opening" })).toBeVisible();
  await page.keyboard.press("s");
  await playsPast(page, 60.2);
  await expect(page.getByRole("button", { name: "Skip the opening" })).toBeHidden();

  await page.getByRole("button", { name: "Chapters" }).click();
  await page.getByRole("menuitemradio", { name: /Down the river/ }).click();
  await playsPast(page, 300.2);
  // Who chose with the pointer means the film with the next key.
  await page.keyboard.press("PageUp");
  await expect.poll(() => videoTime(page)).toBeLessThan(299);

  await page.keyboard.press("Control+g");
  await page.getByRole("textbox").fill("10:02");
  await page.keyboard.press("Enter");
  await playsPast(page, CREDITS_FROM_SECS + 1);
  await expect(page.getByRole("region", { name: `Next: ${SECOND_EPISODE}` })).toBeVisible();
  await page.getByRole("button", { name: "Play now" }).click();
  await expect(page.getByText(SECOND_EPISODE)).toBeVisible();
  await expect.poll(() => videoTime(page)).toBeLessThan(30);
  await playsPast(page, 0.5);
  await page.keyboard.press("p");
  await expect(page.getByText(FIRST_EPISODE)).toBeVisible();
});

test("the next episode starts by itself after ten seconds of credits", async ({ page, server, series }) => {
  await watch(page, server, series);
  await page.keyboard.press("Control+g");
  await page.getByRole("textbox").fill(String(CREDITS_FROM_SECS + 2));
  await page.keyboard.press("Enter");
  await playsPast(page, CREDITS_FROM_SECS + 3);
  await expect(page.getByText(SECOND_EPISODE, { exact: true })).toBeVisible({ timeout: 20_000 });
  await playsPast(page, 0.5);
  expect(await videoTime(page), "not from where the last one was left").toBeLessThan(60);
});

test("louder than the film and even at night, the sound still plays", async ({ page, server, series }) => {
  await watch(page, server, series);
  for (let step = 0; step < 20; step += 1) await page.keyboard.press("ArrowUp");
  await expect(page.getByRole("slider", { name: "Volume" })).toHaveAttribute("aria-valuetext", /^130/);
  await page.getByRole("button", { name: /^Night mode/ }).click();
  await expect(page.getByRole("button", { name: /^Night mode/ })).toHaveAttribute("aria-pressed", "true");
  const before = await videoTime(page);
  await playsPast(page, before + 1);
  // The media source goes on behind the audio graph, also after a new run.
  await page.keyboard.press("5");
  await playsPast(page, EPISODE_SECS / 2 + 1);
});

test("keys by their place on a Russian keyboard do the same", async ({ page, server, series }) => {
  await watch(page, server, series);
  const video = page.locator("video");
  const press = (key: string, code: string) =>
    page.evaluate(
      (init: { key: string; code: string }) =>
        document.body.dispatchEvent(
          new KeyboardEvent("keydown", { bubbles: true, cancelable: true, key: init.key, code: init.code }),
        ),
      { key, code },
    );
  await press("л", "KeyK");
  await expect(video).toHaveJSProperty("paused", true);
  await press("ъ", "BracketRight");
  await expect(video).toHaveJSProperty("playbackRate", 1.25);
  await press("ф", "KeyA");
  await expect(video).toHaveCSS("object-fit", "fill");
  await press("ц", "KeyW");
  await expect(video).toHaveCSS("object-fit", "cover");
  const at = await videoTime(page);
  await press("ю", "Period");
  await expect.poll(() => videoTime(page)).toBeCloseTo(at + 1 / 24, 2);
});

test("a picture is saved, and the seek bar shows what is here", async ({ page, server, series }) => {
  await watch(page, server, series);
  const saved = page.waitForEvent("download");
  await page.keyboard.press("Control+s");
  const download = await saved;
  expect(download.suggestedFilename()).toMatch(/^River tales E01\.mkv 0\.0\d\.png$/);
  const png = readFileSync(await download.path());
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect(png.readUInt32BE(16), "as wide as the film").toBe(320);

  await page.keyboard.press("Space");
  await expect(page.locator(".piece.have").first()).toBeAttached();
});

test("the place below the pointer has its picture, and the film says that it plays through", async ({
  page,
  server,
  series,
}) => {
  await watch(page, server, series);
  await page.keyboard.press("Space");
  await expect(page.getByText("Plays through")).toBeVisible();
  const box = await page.getByRole("slider", { name: "Position" }).boundingBox();
  if (box === null) throw new Error("the seek bar has no place");
  const picture = page.locator(".bubble img");
  await expect(async () => {
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height / 2);
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await expect(picture).not.toHaveClass(/stale/, { timeout: 3_000 });
    await expect(picture).toHaveJSProperty("naturalHeight", 144, { timeout: 3_000 });
  }).toPass();
  await expect(picture).toHaveJSProperty("naturalWidth", 256);
  if (process.env["FRESHET_SHOTS"])
    await page.screenshot({ path: `${process.env["FRESHET_SHOTS"]}/preview.png` });
  await page.mouse.move(box.x, box.y - 300);
  await expect(picture).not.toBeAttached();
});

test("held Space runs the film at double speed until it is let go", async ({ page, server, series }) => {
  await watch(page, server, series);
  const video = page.locator("video");
  await page.keyboard.down("Space");
  await page.keyboard.down("Space");
  await expect(video).toHaveJSProperty("playbackRate", 2);
  await expect(video).toHaveJSProperty("paused", false);
  await expect(page.getByText("2× while held")).toBeVisible();
  await page.keyboard.up("Space");
  await expect(video).toHaveJSProperty("playbackRate", 1);
});

test("on a phone every control has its place, and a tap shows them without stopping the film", async ({
  browser,
  server,
  series,
}) => {
  const context = await browser.newContext({
    locale: "ru-RU",
    viewport: { width: 360, height: 740 },
    hasTouch: true,
  });
  const page = await context.newPage();
  await watch(page, server, series);
  const controls = page.getByRole("region", { name: "Управление просмотром" });
  for (const button of await controls.getByRole("button").all()) {
    if (!(await button.isVisible())) continue;
    const box = await button.boundingBox();
    expect(box?.x ?? -1, (await button.getAttribute("aria-label")) ?? "").toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(360);
    expect(box?.height ?? 0, "large enough for a finger").toBeGreaterThanOrEqual(32);
  }
  await page.getByRole("button", { name: "Главы" }).tap();
  const menu = await page.getByRole("menu").boundingBox();
  expect(menu?.x ?? -1).toBeGreaterThanOrEqual(0);
  await page.keyboard.press("Escape");

  const video = page.locator("video");
  await video.tap({ position: { x: 180, y: 300 } });
  await expect(page.locator("main")).toHaveClass(/quiet/);
  await video.tap({ position: { x: 180, y: 300 } });
  await expect(page.locator("main")).not.toHaveClass(/quiet/);
  await expect(video).toHaveJSProperty("paused", false);
  await context.close();
});
