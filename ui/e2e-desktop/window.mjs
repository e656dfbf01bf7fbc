// The real window: the program under test, and what a person does in it.

import { resolve } from "node:path";

import { Session, freePort, until } from "./webdriver.mjs";

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

/** The main window under WebDriver, and a player of the engine that the test is for. */
export class Desktop {
  session;
  main;
  #engine;
  #inspector;
  #film = null;

  static async start(args, engine) {
    const desktop = new Desktop();
    desktop.#engine = engine;
    desktop.#inspector = `127.0.0.1:${await freePort()}`;
    const env = { FRESHET_PLAYER_INSPECTOR: desktop.#inspector };
    desktop.session = await Session.start(BINARY, [...args, "--engine", engine], env);
    desktop.main = await mainReady(desktop.session);
    return desktop;
  }

  toMain() {
    return this.session.switchTo(this.main);
  }

  /** The session that drives the player's page: that of the player process is one of its own. */
  async player() {
    if (this.#engine === "web") {
      await toPlayer(this.session, this.main);
      return this.session;
    }
    this.#film ??= await until("the player process' page", () => Session.attach(this.#inspector));
    return this.#film;
  }

  async leaveFilm() {
    await this.#film?.detach();
    this.#film = null;
  }

  async end() {
    await this.leaveFilm();
    await this.session.end();
  }
}
