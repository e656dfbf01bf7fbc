import { TORRENT_NAME } from "./clips";
import { addTorrent, expect, test } from "./harness";

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
  await expect(page.getByRole("article")).toContainText("2 files");
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
  await page.getByRole("combobox", { name: "Language" }).selectOption("ru");
  await page.getByRole("radio", { name: "Тёмная" }).check({ force: true });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");

  await server.restart();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Настройки" })).toBeVisible();
  await expect(page.locator("html")).toHaveAttribute("lang", "ru");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});
