import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import { createServer } from "node:http";

import type { Seeded } from "./harness";
import { expect, openingPlayer, playsPast, test } from "./harness";

const KEY = "the-key-of-the-test";

/** A search service as Jackett answers (Torznab 1.3): one film, for who has the key. */
async function service(seeded: Seeded): Promise<{ url: string; asked: string[]; server: HttpServer }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://service.test");
    response.setHeader("Content-Type", "application/xml");
    if (searchParams.get("apikey") !== KEY) {
      response.end('<?xml version="1.0"?><error code="100" description="Invalid API Key" />');
      return;
    }
    if (searchParams.get("t") === "caps") {
      response.end('<?xml version="1.0"?><caps><searching><search available="yes" /></searching></caps>');
      return;
    }
    asked.push(searchParams.get("q") ?? "");
    const link = seeded.magnet.replaceAll("&", "&amp;");
    response.end(`<?xml version="1.0"?>
      <rss xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel><item>
        <title>Short.River.2024.2160p.HDR.BluRay.x265-EXAMPLE</title>
        <size>4200000000</size>
        <torznab:attr name="seeders" value="12" /><torznab:attr name="peers" value="15" />
        <torznab:attr name="magneturl" value="${link}" />
        <torznab:attr name="infohash" value="${seeded.infoHash}" />
      </item></channel></rss>`);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/api`, asked, server };
}

test("a service is written down, asked, and what it knows plays at one press", async ({
  page,
  server,
  seeded,
}) => {
  const jackett = await service(seeded);
  try {
    await page.goto(`${server.url}/#/search`);
    await page.getByRole("textbox", { name: /Address/ }).fill(jackett.url);
    await page.getByLabel("API key").fill("wrong");
    await page.getByRole("button", { name: "Test and add" }).click();
    await expect(page.getByRole("alert")).toContainText("Invalid API Key");
    await page.getByLabel("API key").fill(KEY);
    await page.getByRole("button", { name: "Test and add" }).click();

    await page.getByRole("searchbox", { name: "What to look for" }).fill("short river");
    await page.keyboard.press("Enter");
    const result = page.getByRole("listitem").filter({ hasText: "Short River (2024)" });
    await expect(result).toContainText(/4K HDR BluRay · 4\.2\sGB · 12 seeders/);
    expect(jackett.asked).toEqual(["short river"]);
    const player = await openingPlayer(page, () => result.getByRole("button", { name: /^Play/ }).click());
    await playsPast(player, 0.3);
    await expect(result.getByLabel("In your library")).toBeVisible();
  } finally {
    jackett.server.close();
  }
});
