/* A page that somebody else wrote, open in the browser of this computer while the program runs. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { addTorrent, expect, test } from "./harness";

const LIST = resolve(dirname(fileURLToPath(import.meta.url)), "../../crates/app/src/commands.rs");
const COMMANDS = [...readFileSync(LIST, "utf8").matchAll(/^ {4}(?:Owner|Here|Main|Both) (\w+): /gm)].map(
  ([, name]) => name ?? "",
);

test("a page from elsewhere tries every command, and gets and changes nothing", async ({
  page,
  server,
  seeded,
  series,
}) => {
  expect(COMMANDS.length).toBeGreaterThan(35);
  await addTorrent(server, seeded);
  const before = await server.call("settings_update", { theme: "dark" });
  const foreign = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>Elsewhere</title><body>");
  });
  await new Promise<void>((done) => foreign.listen(0, done));
  const { port } = foreign.address() as AddressInfo;
  try {
    // Another port of this computer, and a name of it that the program is not called by.
    for (const origin of [`http://127.0.0.1:${port}`, `http://localhost:${port}`]) {
      await page.goto(origin);
      const answers = await page.evaluate(
        async ({ url, commands, magnet }) => {
          const tell = (asked: Promise<Response>) =>
            asked.then(
              (response) => `${response.type} ${response.status}`,
              () => "refused",
            );
          const ask = (command: string, body: string) => {
            const address = `${url}/rpc/${command}`;
            const headers = { "Content-Type": "application/json", "X-Freshet": "1" };
            return Promise.all([
              tell(fetch(address, { method: "POST", headers, body })),
              // A request that needs no question beforehand: it is sent, and must be refused over there.
              tell(fetch(address, { method: "POST", mode: "no-cors", body })),
            ]);
          };
          const bodies = JSON.stringify({ source: magnet, theme: "light", paused: true });
          const commandsTold = await Promise.all(commands.map((command) => ask(command, bodies)));
          const reads = await Promise.all(
            ["/events", "/torrents", "/stat", "/openapi.json", "/playlistall/all.m3u"].map((path) =>
              tell(fetch(url + path)),
            ),
          );
          const add = JSON.stringify({ action: "add", link: magnet, save_to_db: true });
          await tell(fetch(`${url}/torrents`, { method: "POST", mode: "no-cors", body: add }));
          // What is shown or followed rather than read.
          const shown = document.createElement("img");
          shown.src = `${url}/stream?link=${encodeURIComponent(magnet)}&save`;
          const framed = document.createElement("iframe");
          framed.src = url;
          document.body.append(shown, framed);
          await Promise.all(
            [shown, framed].map(
              (element) =>
                new Promise((done) => {
                  element.addEventListener("load", done);
                  element.addEventListener("error", done);
                }),
            ),
          );
          let frame: string;
          try {
            frame = framed.contentDocument?.body.textContent ?? "nothing";
          } catch {
            frame = "nothing";
          }
          return { commandsTold, reads, frame, width: shown.naturalWidth };
        },
        { url: server.url, commands: COMMANDS, magnet: series.magnet },
      );
      // An opaque answer is one that the page can't read; that nothing came of it is seen below.
      expect(new Set(answers.commandsTold.map(([asked]) => asked))).toEqual(new Set(["refused"]));
      expect(new Set(answers.commandsTold.map(([, sent]) => sent))).toEqual(new Set(["opaque 0"]));
      expect(new Set(answers.reads)).toEqual(new Set(["refused"]));
      expect([answers.frame, answers.width]).toEqual(["nothing", 0]);
    }
  } finally {
    foreign.close();
  }

  expect(await server.call("settings_update", {})).toEqual(before);
  await page.goto(server.url);
  await expect(page.getByRole("article")).toHaveCount(1);
});

test("an address that a stranger gave a torrent as its picture is asked by nobody", async ({
  page,
  server,
  seeded,
}) => {
  const asked: string[] = [];
  const canary = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("<svg xmlns='http://www.w3.org/2000/svg'><script>window.harmed = 1</script></svg>");
  });
  await new Promise<void>((done) => canary.listen(0, "127.0.0.1", done));
  const { port } = canary.address() as AddressInfo;
  try {
    const post = (fields: object) =>
      fetch(`${server.url}/torrents`, { method: "POST", body: JSON.stringify(fields) });
    await addTorrent(server, seeded);
    for (const poster of [
      `http://127.0.0.1:${port}/a.svg`,
      `//127.0.0.1:${port}/b.svg`,
      "file:///etc/passwd",
    ]) {
      const fields = { hash: seeded.infoHash, title: "Posted", poster };
      await post({ action: "set", ...fields });
      expect(await (await post({ action: "get", ...fields })).json()).toMatchObject({ poster });
      await page.goto("about:blank");
      await page.goto(server.url);
      await expect(page.getByRole("article")).toContainText("Posted");
      await page.goto(`${server.url}/#/torrent/${seeded.infoHash}`);
      await expect(page.getByRole("heading", { name: "Posted" })).toBeVisible();
      expect(await page.locator("main img").count()).toBe(0);
    }
    expect(asked).toEqual([]);
  } finally {
    canary.close();
  }
});
