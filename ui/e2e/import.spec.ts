/* Moving in: another server that runs is looked at, and what was chosen of it is here afterwards. */
import { TORRENT_NAME } from "./clips";
import { addTorrent, expect, fileIndexOf, Server, test } from "./harness";

test("a library moves in, with its marks and a setting", async ({ page, server, seeded }) => {
  const other = new Server();
  try {
    await other.start();
    await addTorrent(other, seeded);
    const file_index = await fileIndexOf(other, seeded, "short.mp4");
    await other.call("viewed_set", { info_hash: seeded.infoHash, file_index, viewed: true });
    await other.call("settings_update", { download_limit_bytes_per_sec: 1_024_000 });

    await page.goto(server.url);
    await page.getByRole("link", { name: /Have you used TorrServer/ }).click();
    const field = page.getByRole("textbox", { name: "Address of the server" });
    await field.fill(`${new URL(other.url).host}x`);
    await field.press("Enter");
    await expect(page.getByRole("alert")).toHaveText(/^Nothing could be read: /);
    await field.fill(new URL(other.url).host);
    await field.press("Enter");
    await expect(page.getByRole("heading", { name: /^What .* has$/ })).toBeFocused();
    await expect(page.getByRole("checkbox", { name: /^1 torrent / })).toBeChecked();
    await expect(page.getByRole("checkbox", { name: /^1 viewed mark$/ })).toBeChecked();
    await page.getByRole("checkbox", { name: /^Download limit: no limit → / }).check();
    expect((await server.call("settings_update", {})).download_limit_bytes_per_sec).toBe(0);
    await page.getByRole("button", { name: "Take over" }).click();

    await expect(page.getByRole("heading", { name: "Done" })).toBeFocused();
    await expect(page.getByText("1 torrent added")).toBeVisible();
    await expect(page.getByText("1 viewed mark taken over")).toBeVisible();
    await expect(page.getByText("1 setting changed")).toBeVisible();
    expect((await server.call("settings_update", {})).download_limit_bytes_per_sec).toBe(1_024_000);
    await page.getByRole("link", { name: "To the library" }).click();
    await expect(page.getByRole("link", { name: TORRENT_NAME })).toBeVisible();
    // Its swarm has nobody but the seeder of the test, whom the magnet names; the mark has waited for the details.
    await addTorrent(server, seeded);
    await page.getByRole("link", { name: TORRENT_NAME }).click();
    await expect(page.getByRole("checkbox", { name: /short\.mp4/ })).toBeChecked();
  } finally {
    await other.remove();
  }
});
