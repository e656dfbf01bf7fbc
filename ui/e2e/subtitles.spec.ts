import type { Page } from "@playwright/test";

import { expect, openSubtitled, playsPast, test, videoTime } from "./harness";
import { EVIL, hostileSrt, lineAt, RUSSIAN, srt, SUBTITLED_MP4 } from "./subtitle-clips";

/** Every address that the page asked, and what of the subtitles became an element. */
interface Watched {
  requests: string[];
  complaints: string[];
}

function watchPage(page: Page): Watched {
  const watched: Watched = { requests: [], complaints: [] };
  page.on("request", (request) => watched.requests.push(request.url()));
  page.on("console", (message) => {
    if (message.text().includes("Content Security Policy")) watched.complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    watched.complaints.push(dialog.message());
    void dialog.dismiss();
  });
  return watched;
}

/** Brings the controls first, as a hand on the mouse does. */
async function openMenu(page: Page): Promise<void> {
  await page.mouse.move(300, 300);
  await page.mouse.move(310, 310);
  await page.getByRole("button", { name: "Subtitles", exact: true }).click();
}

async function choose(page: Page, name: RegExp): Promise<void> {
  await openMenu(page);
  await page.getByRole("radio", { name }).click();
  await page.keyboard.press("Escape");
}

const first = (page: Page) => page.getByTestId("first-subtitles");
const second = (page: Page) => page.getByTestId("second-subtitles");

/** At each frame the film's time and what is said at it. */
async function sample(page: Page, secs: number): Promise<[number, string][]> {
  return page.evaluate(async (length) => {
    const video = document.querySelector("video");
    const lines = document.querySelector("[data-testid=first-subtitles]");
    if (!video || !lines) return [];
    const end = video.currentTime + length;
    const found: [number, string][] = [];
    while (video.currentTime < end) {
      await new Promise(requestAnimationFrame);
      found.push([video.currentTime, lines.textContent.trim()]);
    }
    return found;
  }, secs);
}

async function shows(page: Page, words: string): Promise<void> {
  const samples = (await sample(page, 6)).filter(([secs]) => secs % 1 > 0.12);
  expect(samples.length).toBeGreaterThan(10);
  for (const [secs, text] of samples)
    expect(`${secs}: ${text}`).toBe(`${secs}: ${lineAt(secs, words) ?? ""}`);
}

const tagsOf = (page: Page) =>
  page.getByTestId("subtitles").evaluate((layer) => {
    const all = [...layer.querySelectorAll("*")];
    const attributes = all.flatMap((element) => element.getAttributeNames());
    return {
      tags: [...new Set(all.map((element) => element.tagName))],
      attributes: [...new Set(attributes)],
    };
  });

/** How much of the picture that a worker draws has such a color. */
const drawn = (page: Page) =>
  page
    .locator("[data-testid=subtitles] canvas")
    .first()
    .evaluate((canvas: HTMLCanvasElement) => {
      const copy = document.createElement("canvas");
      copy.width = 320;
      copy.height = 180;
      const context = copy.getContext("2d");
      if (!context || canvas.width === 0) return { count: 0, red: 0, redWidth: 0 };
      context.drawImage(canvas, 0, 0, copy.width, copy.height);
      const { data } = context.getImageData(0, 0, copy.width, copy.height);
      let [count, red, left, right] = [0, 0, copy.width, 0];
      for (let at = 0; at < data.length; at += 4) {
        if ((data[at + 3] ?? 0) < 128) continue;
        count += 1;
        if ((data[at] ?? 0) <= 180 || (data[at + 1] ?? 0) >= 80) continue;
        red += 1;
        const x = (at / 4) % copy.width;
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
      return { count, red, redWidth: right - left };
    });

test("the track in the person's language is shown when its words are said, also after a far seek", async ({
  page,
  server,
  subtitled,
}) => {
  await openSubtitled(page, server, subtitled);
  await expect(first(page)).toContainText("inside");
  await shows(page, "inside");
  await page.screenshot({ path: test.info().outputPath("text.png") });

  await page.keyboard.press("7");
  await playsPast(page, 84.2);
  await shows(page, "inside");

  await page.keyboard.press("v");
  await expect(first(page)).toHaveText("");
  await page.keyboard.press("v");
  await expect(first(page)).toContainText("inside");
});

test("a file beside the film is read by its encoding, and by another one by hand", async ({
  page,
  server,
  subtitled,
}) => {
  await openSubtitled(page, server, subtitled);
  await choose(page, /^Russian · SRT/);
  await expect(first(page)).toContainText(RUSSIAN);
  await openMenu(page);
  await page.getByRole("radio", { name: /^Russian · SRT/ }).click();
  await expect(page.getByLabel("Encoding")).toHaveValue("windows-1251");
  await page.screenshot({ path: test.info().outputPath("menu.png") });
  await page.getByLabel("Encoding").selectOption("KOI8-R");
  await expect(first(page)).toContainText("гДПЮБЯРБСИРЕ");

  // It begins so in the next file, too.
  await page.getByLabel("Encoding").selectOption("windows-1251");
  await page.reload();
  await playsPast(page, 0.2);
  await expect(first(page)).toContainText(RUSSIAN);
});

test("delay, size, height and a second track are for the person to choose", async ({
  page,
  server,
  subtitled,
}) => {
  await openSubtitled(page, server, subtitled);
  await expect(first(page)).toContainText("inside");
  const size = () => first(page).evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
  const usual = await size();
  await page.keyboard.press("Shift+Equal");
  await expect.poll(size).toBeCloseTo(usual * 1.1, 1);
  for (let step = 0; step < 10; step += 1) await page.keyboard.press("x");
  await expect(page.getByText("Subtitle delay +1.0 s")).toBeVisible();
  const samples = (await sample(page, 4)).filter(([secs]) => secs % 1 > 0.12);
  for (const [secs, text] of samples)
    expect(`${secs}: ${text}`).toBe(`${secs}: ${lineAt(secs - 1, "inside") ?? ""}`);

  await page.keyboard.press("Shift+V");
  await expect(second(page)).toContainText("forced sign");
  await page.screenshot({ path: test.info().outputPath("two.png") });
});

test("a script is drawn with the fonts of the film", async ({ page, server, subtitled }) => {
  const watched = watchPage(page);
  await openSubtitled(page, server, subtitled);
  await choose(page, /Signs/);
  await expect.poll(async () => (await drawn(page)).red, { timeout: 20_000 }).toBeGreaterThan(50);
  await expect
    .poll(() => watched.requests.some((url) => /\/media\/[0-9a-f]+\/font-\d+$/.test(url)))
    .toBe(true);
  await page.waitForLoadState("networkidle");
  await page.keyboard.press("Home");
  await expect.poll(() => videoTime(page)).toBeLessThan(1);
  await playsPast(page, 2.6);
  const ours = (await drawn(page)).redWidth;
  await playsPast(page, 4.6);
  const films = (await drawn(page)).redWidth;
  expect(await videoTime(page)).toBeLessThan(6);
  await page.screenshot({ path: test.info().outputPath("script.png") });
  expect(Math.abs(films - ours), `${films} and ${ours}`).toBeGreaterThan(3);
  await page.keyboard.press("8");
  await playsPast(page, 96.5);
  await expect.poll(async () => (await drawn(page)).red).toBeGreaterThan(50);
  await expect(first(page), "not twice").toHaveText("");
  expect(watched.complaints).toEqual([]);
  expect(watched.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith("blob:"))).toEqual(
    [],
  );
});

test("pictures of a disc are drawn when they are due, from the film and from a file", async ({
  page,
  server,
  subtitled,
}) => {
  await openSubtitled(page, server, subtitled);
  for (const name of [/^German/, /^Swedish/]) {
    await choose(page, name);
    await page.keyboard.press("Home");
    await expect.poll(async () => (await drawn(page)).count, { timeout: 20_000 }).toBeGreaterThan(500);
    await playsPast(page, 4.3);
    await expect.poll(async () => (await drawn(page)).count).toBe(0);
  }
  await page.keyboard.press("Home");
  await expect.poll(async () => (await drawn(page)).count).toBeGreaterThan(500);
  await page.screenshot({ path: test.info().outputPath("pictures.png") });
});

test("text of an MP4 is shown", async ({ page, server, subtitled }) => {
  await openSubtitled(page, server, subtitled, SUBTITLED_MP4);
  await expect(first(page)).toContainText("from mp4");
  await shows(page, "from mp4");
});

test("a dropped file is shown, and what is none is refused", async ({ page, server, subtitled }) => {
  await openSubtitled(page, server, subtitled);
  const drop = async (name: string, content: string) => {
    const data = await page.evaluateHandle(
      ([fileName, text]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([text ?? ""], fileName ?? ""));
        return transfer;
      },
      [name, content],
    );
    for (const type of ["dragenter", "dragover", "drop"]) {
      await page.dispatchEvent("main", type, { dataTransfer: data });
    }
  };
  await drop("mine.srt", srt("my own"));
  await expect(first(page)).toContainText("my own");
  await drop("mine.exe", "x");
  await expect(page.getByText(/can’t be shown as subtitles/)).toBeVisible();
  await expect(first(page)).toContainText("my own");
});

test("hostile subtitles leave no element and no request in the page", async ({ page, server, subtitled }) => {
  const watched = watchPage(page);
  await openSubtitled(page, server, subtitled);
  await expect(first(page)).toContainText("inside");
  const clean = await tagsOf(page);
  const check = async () => {
    const found = await tagsOf(page);
    expect(found.tags.filter((tag) => !["DIV", "P", "SPAN", "CANVAS"].includes(tag))).toEqual([]);
    const allowed = [...clean.attributes, "class", "dir", "width", "height", "style"];
    expect(found.attributes.filter((name) => !allowed.includes(name))).toEqual([]);
    expect(await page.evaluate(() => "harmed" in window)).toBe(false);
    expect(watched.requests.filter((url) => url.includes(EVIL))).toEqual([]);
    expect(watched.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith("blob:"))).toEqual(
      [],
    );
    expect(watched.complaints).toEqual([]);
  };

  await choose(page, /^French · SRT/);
  await expect(first(page)).toContainText("<script>window.harmed = 1");
  await page.screenshot({ path: test.info().outputPath("hostile.png") });
  await check();

  await choose(page, /^French · VTT/);
  await expect(first(page)).toContainText("window.harmed = 1");
  await check();

  await choose(page, /^Italian/);
  await expect(page.locator("[data-testid=subtitles] canvas")).toHaveCount(1);
  const at = await videoTime(page);
  await playsPast(page, at + 3);
  await check();
  // As words, too.
  await openMenu(page);
  await page.getByLabel("Look as the film’s makers meant it").uncheck();
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("subtitles")).toContainText("<img src=http://");
  await check();

  // A line of nearly all that a file may have, dropped.
  const huge = `1\n00:00:00,000 --> 00:01:40,000\n${"<b>w</b>".repeat(1_200_000)}\n`;
  for (const content of [huge, hostileSrt()]) {
    await page.locator("input[type=file]").count();
    await openMenu(page);
    await page.locator("input[type=file]").setInputFiles({
      name: "evil.srt",
      mimeType: "text/html",
      buffer: Buffer.from(content),
    });
    await page.keyboard.press("Escape");
    await expect(first(page)).toContainText(/w|harmed/);
    const text = await page.getByTestId("subtitles").evaluate((layer) => layer.textContent.length);
    expect(text).toBeLessThan(30_000);
    await check();
  }
});

test("on a phone the menu has the whole width and the words fit", async ({ browser, server, subtitled }) => {
  const context = await browser.newContext({
    locale: "ru-RU",
    viewport: { width: 360, height: 740 },
    hasTouch: true,
  });
  const page = await context.newPage();
  await openSubtitled(page, server, subtitled);
  await expect(first(page)).toContainText(RUSSIAN);
  // A film that stands keeps its controls.
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Субтитры", exact: true }).tap();
  const panel = page.getByRole("dialog", { name: "Субтитры" });
  const box = await panel.boundingBox();
  expect(box?.x ?? -1).toBeGreaterThanOrEqual(0);
  expect((box?.x ?? 0) + (box?.width ?? 999)).toBeLessThanOrEqual(360);
  expect(box?.y ?? -1).toBeGreaterThanOrEqual(0);
  await page.screenshot({ path: test.info().outputPath("phone.png") });
  await context.close();
});
