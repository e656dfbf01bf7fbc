import { expect, openingPlayer, playsPast, test } from "./harness";
import { SERVICE_KEY, startService } from "./torznab";

test("a service is written down, asked, and what it knows plays at one press", async ({
  page,
  server,
  seeded,
}) => {
  const service = await startService([
    {
      title: "Short.River.2024.2160p.HDR.BluRay.x265-EXAMPLE",
      sizeBytes: 4_200_000_000,
      seeders: 12,
      magnet: seeded.magnet,
    },
  ]);
  try {
    await page.goto(`${server.url}/#/search`);
    await page.getByRole("textbox", { name: /Address/ }).fill(service.url);
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Test and add" }).click();
    await expect(page.getByRole("alert")).toContainText("Invalid API Key");
    await page.getByLabel("API key").fill(SERVICE_KEY);
    await page.getByRole("button", { name: "Test and add" }).click();

    await page.getByRole("searchbox", { name: "What to look for" }).fill("short river");
    await page.keyboard.press("Enter");
    const result = page.getByRole("listitem").filter({ hasText: "Short River (2024)" });
    await expect(result).toContainText(/4K HDR BluRay · 4\.2\sGB · 12 seeders/);
    expect(service.asked).toEqual(["short river"]);
    const player = await openingPlayer(page, () => result.getByRole("button", { name: /^Play/ }).click());
    await playsPast(player, 0.3);
    await expect(result.getByLabel("In your library")).toBeVisible();
  } finally {
    service.close();
  }
});
