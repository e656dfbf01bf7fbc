import { SECOND_EPISODE, TORRENT_NAME } from "./clips";
import { addTorrent, expect, fileIndexOf, fillLibrary, openingPlayer, playsPast, test } from "./harness";

test("a broken magnet is refused with a sentence, and the text stays", async ({ page, server }) => {
  await page.goto(server.url);
  const field = page.getByRole("textbox", { name: /Magnet link/ });
  const broken = "magnet:?xt=urn:btih:0123456789";
  await field.fill(broken);
  await field.press("Enter");

  await expect(page.getByRole("alert")).toHaveText(/not a magnet link I can read/);
  await expect(field).toHaveValue(broken);
  await field.fill("just some words");
  await expect(page.getByRole("alert")).toHaveCount(0);
  await field.press("Enter");
  await expect(page.getByRole("alert")).toHaveText(/not a link I can open/);
});

test("a link that is there already is shown instead of added twice", async ({
  page,
  context,
  server,
  seeded,
}) => {
  await addTorrent(server, seeded);
  await page.goto(server.url);
  await expect(page.getByRole("article")).toContainText("0 of 2 seen");
  await page.getByRole("textbox", { name: /Magnet link/ }).fill(seeded.magnet);
  const player = context.waitForEvent("page");
  await page.keyboard.press("Enter");
  await (await player).close();

  await expect(page.getByRole("status")).toContainText(`Already in your library: “${TORRENT_NAME}”`);
  await expect(page.getByRole("article")).toHaveCount(1);
});

test("a torrent can be taken out and comes back with its marks", async ({ page, server, seeded }) => {
  await addTorrent(server, seeded);
  await page.goto(`${server.url}/#/torrent/${seeded.infoHash}`);
  const tick = page.getByRole("checkbox", { name: /short\.mp4/ });
  await tick.click();
  await expect(tick).toBeChecked();
  await page.getByRole("button", { name: "Delete files…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();

  await addTorrent(server, seeded);
  await page.getByRole("link", { name: TORRENT_NAME }).click();
  await expect(tick).toBeChecked();
});

test("language and theme follow the settings at once and stay", async ({ page, server }) => {
  await page.goto(`${server.url}/#/settings`);
  await page.getByRole("combobox", { name: "Language", exact: true }).selectOption("ru");
  await page.getByRole("radio", { name: "Тёмная" }).check({ force: true });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await server.restart();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Настройки" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "ru");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("what is added plays at once, and another of its files with two presses", async ({
  page,
  server,
  series,
}) => {
  await page.goto(server.url);
  await page.getByRole("textbox", { name: /Magnet link/ }).fill(series.magnet);
  const player = await openingPlayer(page, () => page.keyboard.press("Enter"));
  await page.getByRole("status").getByRole("button", { name: "Choose files…" }).click();
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("radio")).not.toHaveCount(0);
  await expect(dialog.getByRole("radio").first()).toBeChecked();

  await dialog.getByRole("switch", { name: "Keep" }).click();
  await expect(dialog.getByRole("switch", { name: "Keep" })).toBeChecked();
  await dialog.getByRole("radio").nth(1).check();
  await dialog.getByRole("button", { name: "Play this one" }).click();
  await expect(dialog).toBeHidden();
  const index = await fileIndexOf(server, series, SECOND_EPISODE);
  await expect.poll(() => new URL(player.url()).hash).toBe(`#${series.infoHash}/${index}`);
  await playsPast(player, 0.3);
});

test("torrents are named, kept and taken out, and come back as they were", async ({
  page,
  server,
  series,
}) => {
  await addTorrent(server, series);
  await page.goto(server.url);
  const card = page.getByRole("article").first();
  await expect(card).toContainText(/of \d+ seen/);
  const more = async (entry: string) => {
    await card.hover();
    await card.getByRole("button", { name: /^More/ }).click();
    await page.getByRole("menuitem", { name: entry }).click();
  };
  await more("Rename…");
  await page.getByRole("textbox", { name: "Title" }).fill("My series");
  await page.keyboard.press("Enter");
  await expect(card.getByRole("link", { name: "My series" })).toBeVisible();
  await more("Keep");
  await expect(card.getByLabel("Kept")).toBeVisible();
  await more("Category…");
  await page.getByRole("menuitem", { name: "New category…" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Mine");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("button", { name: "Mine" })).toBeVisible();

  await card.getByRole("link").focus();
  await page.keyboard.press("Delete");
  await page.getByRole("dialog").getByRole("button", { name: "Remove and delete files" }).click();
  await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();
  await page.getByRole("button", { name: "Undo" }).click();

  await expect(card.getByRole("link", { name: "My series" })).toBeVisible();
  await expect(card.getByLabel("Kept")).toBeVisible();
  const [back] = await page.request
    .post(`${server.url}/torrents`, { data: { action: "list" } })
    .then((answer) => answer.json() as Promise<{ title: string; category: string }[]>);
  expect(back).toMatchObject({ title: "My series", category: "Mine" });
});

test("the episode after the one that was seen is offered", async ({ page, server, series }) => {
  await addTorrent(server, series);
  await page.goto(`${server.url}/#/torrent/${series.infoHash}`);
  await page.getByRole("checkbox").first().click();
  await page.goto(`${server.url}/#/`);
  const nextUp = page.getByRole("region", { name: "Next up" });
  await expect(nextUp.getByRole("button", { name: /episode 2$/ })).toBeVisible();

  await page.goto(`${server.url}/#/torrent/${series.infoHash}`);
  await page.getByRole("checkbox").first().click();
  await page.goto(`${server.url}/#/`);
  await expect(page.getByRole("article").first()).toBeVisible();
  await expect(nextUp).toHaveCount(0);
});

test("ten thousand torrents are looked through with two hundred in the page at most", async ({
  page,
  server,
}) => {
  await server.stop();
  fillLibrary(server.folder, 10_000);
  await server.start();
  await page.goto(server.url);
  const cards = page.getByRole("article");
  // Programs that are built for tests read ten thousand names slowly.
  await expect(cards.first()).toBeVisible({ timeout: 45_000 });
  await expect(page.getByRole("heading", { name: "All 10,000" })).toBeVisible();
  const most = await page.evaluate(async () => {
    let most = 0;
    for (let step = 0; step < 60; step++) {
      window.scrollBy(0, step % 10 === 0 ? 40_000 : 300);
      await new Promise((frame) => requestAnimationFrame(frame));
      most = Math.max(most, document.querySelectorAll("article").length);
    }
    return most;
  });
  expect(most).toBeGreaterThan(5);
  expect(most).toBeLessThanOrEqual(200);

  // By keyboard: to the words, to the first of what they find, and on by the arrows.
  await page.keyboard.press("Control+f");
  await page.keyboard.type("silent river");
  await expect(cards.first()).toContainText("Silent River");
  const found = await cards.count();
  expect(found).toBeLessThanOrEqual(200);
  await cards.first().getByRole("button", { name: /^Play/ }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(cards.nth(1).getByRole("button", { name: /^Play/ })).toBeFocused();
});
