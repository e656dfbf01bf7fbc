/* The first screen and the settings, as a person meets them. */
import { addTorrent, expect, openingPlayer, playsPast, test } from "./harness";

const START = { name: "Start", exact: true } as const;

test("the first screen is left once and never comes back", async ({ page, server }) => {
  await page.goto(server.url);
  const questions = page.getByRole("group", { name: "Good to know, and to change" });
  await expect(questions).toBeVisible();
  await expect(questions.getByText(/are free/)).toBeVisible();
  const budget = questions.getByRole("slider", { name: "Use at most" });
  await budget.press("Home");
  await expect(questions.getByRole("status")).toHaveText(/^1\sGB$/);
  await questions.getByRole("switch", { name: "Let devices of my network watch" }).click();
  await expect(questions.getByText(/Choose a password first/)).toBeVisible();
  await questions.getByRole("button", START).click();

  await expect(questions).toBeHidden();
  await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();
  await server.restart();
  await page.goto(server.url);
  await expect(page.getByRole("heading", { name: "What would you like to watch?" })).toBeVisible();
  await expect(questions).toBeHidden();
  await page.goto(`${server.url}/#/settings`);
  await expect(page.getByRole("textbox", { name: "Use at most" })).toHaveValue("1");
  await expect(page.getByRole("switch", { name: "Let devices of my network watch" })).toBeChecked();
});

test("a link plays from the first screen, which is left with it", async ({ page, server, seeded }) => {
  await page.goto(server.url);
  await expect(page.getByRole("button", START)).toBeVisible();
  await page.getByRole("textbox", { name: /Magnet link/ }).fill(seeded.magnet);
  const player = await openingPlayer(page, () =>
    page.getByRole("main").getByRole("button", { name: "Play", exact: true }).click(),
  );
  await playsPast(player, 0.5);

  await expect(page.getByRole("button", START)).toBeHidden();
  await page.goto(`${server.url}/#/settings`);
  await page.goto(`${server.url}/#/`);
  await expect(page.getByRole("article").first()).toBeVisible();
});

test("settings hold at once, everywhere, and are found by a word", async ({
  page,
  context,
  server,
  seeded,
}) => {
  await addTorrent(server, seeded);
  const other = await context.newPage();
  await other.goto(server.url);
  await page.goto(`${server.url}/#/settings/limits`);
  await expect(page.getByRole("heading", { name: "Limits" })).toBeFocused();
  await page.getByRole("textbox", { name: "Download limit" }).fill("1 500");
  await page.keyboard.press("Tab");
  await page.getByRole("switch", { name: "Slow mode" }).click();
  await expect(page.getByRole("switch", { name: "Slow mode" })).toBeChecked();

  await page.getByRole("searchbox", { name: "Search the settings" }).fill("theme dark");
  await expect(page.getByRole("heading", { level: 2 })).toHaveText(["General"]);
  await page.getByRole("radio", { name: "Dark" }).click();
  await expect(other.locator("html")).toHaveAttribute("data-theme", "dark");

  await page.keyboard.press("Control+Equal");
  await expect(other.locator("html")).toHaveCSS("font-size", "17.6px");
  await other.keyboard.press("Control+Minus");
  await expect(page.locator("html")).toHaveCSS("font-size", "16px");
  await other.keyboard.press("Control+Comma");
  await expect(other.getByRole("textbox", { name: "Download limit" })).toHaveValue("1500");
});

test("another device is let in, listed and sent away", async ({ page, browser, server }) => {
  await page.goto(`${server.url}/#/settings/devices`);
  const row = page.locator("[data-row=password]");
  await row.getByRole("button", { name: "Set" }).click();
  await page.getByLabel("New password").fill("long enough");
  await page.keyboard.press("Enter");
  await expect(row.getByRole("button", { name: "Change" })).toBeVisible();
  await page.getByRole("switch", { name: "Let devices of my network watch" }).click();
  const address = await page.locator("[data-row=addresses] li").first().innerText();
  await expect(page.getByRole("img", { name: /QR code of http/ })).toBeVisible();

  const visitor = await browser.newContext({
    httpCredentials: { username: "phone", password: "long enough" },
  });
  const phone = await visitor.newPage();
  const url = /http:\/\/\S+/.exec(address)?.[0] ?? "";
  await phone.goto(url);
  await expect(phone.getByRole("link", { name: "Settings" })).toBeVisible();
  await expect(
    phone.getByRole("button", START),
    "its questions are for the person at the computer",
  ).toBeHidden();

  const here = page.locator("[data-row=viewers]");
  await expect(here.getByText(/By password · Mozilla/)).toBeVisible();
  await here.getByRole("button", { name: /^Send .* away$/ }).click();
  await expect(here.getByText("Nobody.")).toBeVisible();
  expect((await visitor.request.get(url)).status()).toBe(403);
  await visitor.close();
});

for (const width of [390, 1280]) {
  test(`settings and first screen fit into ${width} pixels, in both languages and large`, async ({
    page,
    server,
  }) => {
    await page.setViewportSize({ width, height: 800 });
    await server.call("password_set", { password: "long enough" });
    for (const language of ["en", "ru"] as const) {
      for (const ui_scale_percent of width === 390 ? [100, 125] : [100, 200]) {
        await server.call("settings_update", {
          language,
          ui_scale_percent,
          network: { https_enabled: true, lan_enabled: true },
        });
        for (const [place, last] of [
          ["#/", "[role=group]"],
          ["#/settings", "[data-row=version]"],
        ] as const) {
          await page.goto(`${server.url}/${place}`);
          await expect(page.locator(last).first()).toBeAttached();
          const isWide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
          expect(await isWide(), `${place} ${language} at ${ui_scale_percent} %`).toBe(false);
        }
      }
    }
  });
}
