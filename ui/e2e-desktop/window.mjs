// The real window: the program under test, and what a person does in it.

import { resolve } from "node:path";

import { until } from "./webdriver.mjs";

export const BINARY = resolve(process.env.FRESHET ?? "../target/debug/freshet");
/** Where pictures of the windows are left for people to look at. */
export const PICTURES = process.env.FRESHET_PICTURES ?? "test-results/desktop";

export const drop = (session, text) =>
  session.run(
    `
    const data = new DataTransfer();
    data.setData("text/plain", arguments[0]);
    for (const type of ["dragenter", "dragover", "drop"]) {
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
    `,
    text,
  );

/** Waits for the main window, turns to it, and gives it. */
export async function mainReady(session) {
  await until("the main window", async () => (await session.windows()).length > 0);
  const [main] = await session.windows();
  await session.switchTo(main);
  await until("the library", () =>
    session.run("return document.querySelector('main, [role=main]') !== null"),
  );
  return main;
}

/** Waits for the player window and turns to it. */
export async function toPlayer(session, main) {
  const player = await until("the player window", async () =>
    (await session.windows()).find((handle) => handle !== main),
  );
  await session.switchTo(player);
  return player;
}
