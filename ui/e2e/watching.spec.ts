import { LONG_FILM, LONG_FILM_SECS, SHORT_FILM, TORRENT_NAME } from "./clips";
import { addTorrent, expect, openingPlayer, pictureVariance, playsPast, test, videoTime } from "./harness";

test("a pasted magnet plays at once, and the player does what it is told", async ({
  page,
  context,
  server,
  seeded,
}) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: server.url });
  await page.goto(server.url);
  await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();
  await page.evaluate((magnet) => navigator.clipboard.writeText(magnet), seeded.magnet);

  const player = await openingPlayer(page, () => page.keyboard.press("ControlOrMeta+V"));
  const card = page.getByRole("article").filter({ hasText: TORRENT_NAME });
  await expect(card).toContainText("0 of 2 seen");
  await expect(page.getByRole("status")).toContainText("Added");

  await playsPast(player, 1);
  await expect(player).toHaveTitle(new RegExp(TORRENT_NAME));
  expect(await pictureVariance(player), "the picture is not black").toBeGreaterThan(200);

  const video = player.locator("video");
  await player.keyboard.press("Space");
  await expect(video).toHaveJSProperty("paused", true);
  const pausedAt = await videoTime(player);
  await player.keyboard.press("ArrowRight");
  await expect.poll(() => videoTime(player)).toBeCloseTo(pausedAt + 5, 0);
  await player.keyboard.press("m");
  await expect(video).toHaveJSProperty("muted", true);
  await expect(player.getByRole("button", { name: "Unmute" })).toBeVisible();
  await player.keyboard.press("k");
  await expect(video).toHaveJSProperty("paused", false);

  // Far outside of what is ready: a new run.
  await player.keyboard.press("8");
  await playsPast(player, LONG_FILM_SECS * 0.8 + 0.5);
  expect(await videoTime(player)).toBeLessThan(LONG_FILM_SECS * 0.8 + 20);
  expect(await pictureVariance(player)).toBeGreaterThan(200);
  const slider = player.getByRole("slider", { name: "Position" });
  await expect(slider).toHaveAttribute(
    "aria-valuetext",
    /^5 minutes \d+ seconds of 6 minutes 40 seconds, ready up to/,
  );

  await player.keyboard.press("j");
  await player.keyboard.press("f");
  await expect(player.getByRole("button", { name: "Leave full screen" })).toBeVisible();
  await player.keyboard.press("Escape");
  await expect(player.getByRole("button", { name: "Full screen" })).toBeVisible();
  const closed = player.waitForEvent("close");
  // The page is gone before it can say that the key was pressed.
  await player.keyboard.press("Escape").catch(() => undefined);
  await closed;

  const row = page.getByRole("region", { name: "Continue watching" });
  await expect(row.getByRole("button", { name: `Play “${TORRENT_NAME}”` })).toBeVisible();
});

test("a film is continued where it was left, also after a restart", async ({ page, server, seeded }) => {
  await addTorrent(server, seeded);
  await page.goto(`${server.url}/#/torrent/${seeded.infoHash}`);
  const play = page.getByRole("button", { name: `Play ${LONG_FILM}` });
  const player = await openingPlayer(page, () => play.click());
  await playsPast(player, 0.5);
  await player.keyboard.press("5");
  await playsPast(player, LONG_FILM_SECS / 2 + 1);
  const leftAt = await videoTime(player);
  await player.close();
  await expect(page.getByText(/Stopped at 3:2\d/)).toBeVisible();

  await server.restart();
  await page.goto(server.url);
  const row = page.getByRole("region", { name: "Continue watching" });
  const started = page
    .context()
    .waitForEvent("request", (request) => request.url().endsWith("/rpc/playback_start"));
  const again = await openingPlayer(page, () => row.getByRole("button", { name: /^Play/ }).click());
  await playsPast(again, leftAt);

  const { at_secs: start } = (await started).postDataJSON() as { at_secs: number };
  expect(start, "a little before it was left").toBeGreaterThan(leftAt - 10);
  expect(start).toBeLessThanOrEqual(leftAt);
});

test("a film that was played to its end is marked as seen, also after a restart", async ({
  page,
  server,
  seeded,
}) => {
  await addTorrent(server, seeded);
  await page.goto(`${server.url}/#/torrent/${seeded.infoHash}`);
  const tick = page.getByRole("checkbox", { name: `Mark ${SHORT_FILM} as seen` });
  await expect(tick).not.toBeChecked();

  const play = page.getByRole("button", { name: `Play ${SHORT_FILM}` });
  const player = await openingPlayer(page, () => play.click());
  await playsPast(player, 0.1);
  for (let step = 0; step < 5; step += 1) await player.keyboard.press("]");
  await expect(player.locator("video")).toHaveJSProperty("playbackRate", 2.5);
  await expect(player.getByText("The end")).toBeVisible({ timeout: 30_000 });

  await expect(tick).toBeChecked();
  await server.restart();
  await page.reload();
  await expect(tick).toBeChecked();
  await page.goto(server.url);
  await expect(page.getByRole("article").filter({ hasText: TORRENT_NAME })).toContainText("1 of 2 seen");
});

test("an open player goes on when the program was restarted under it", async ({ page, server, seeded }) => {
  await addTorrent(server, seeded);
  await page.goto(`${server.url}/player.html#${seeded.infoHash}`);
  await playsPast(page, 0.5);

  await server.restart();
  await page.keyboard.press("6");
  await playsPast(page, LONG_FILM_SECS * 0.6 + 1);
});
