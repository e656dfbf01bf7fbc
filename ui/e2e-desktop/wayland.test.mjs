// The player process under Wayland, in a compositor without a screen: the film is below the page there too.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, existsSync, chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { Program } from "./program.mjs";
import { colorfulShare } from "./screen.mjs";
import { seedFilm } from "./seeder.mjs";
import { Session, freePort, until } from "./webdriver.mjs";
import { PICTURES } from "./window.mjs";

const SOCKET = "freshet-e2e";

let film;
let folder;
let weston;

before(async () => {
  film = await seedFilm();
  folder = mkdtempSync(join(tmpdir(), "freshet-wayland-"));
  chmodSync(folder, 0o700);
  mkdirSync(PICTURES, { recursive: true });
  weston = spawn(
    "weston",
    [
      ...["--backend=headless-backend.so", "--use-gl", "--width=1280", "--height=800", "--idle-time=0"],
      // Only so it lets itself be photographed.
      ...["--debug", `--socket=${SOCKET}`, `--log=${join(folder, "weston.log")}`],
    ],
    { stdio: "ignore", env: { ...process.env, XDG_RUNTIME_DIR: folder, LIBGL_ALWAYS_SOFTWARE: "1" } },
  );
  await until("the compositor", () => existsSync(join(folder, SOCKET)));
});

after(async () => {
  film?.stop();
  if (weston) {
    const gone = new Promise((done) => weston.once("exit", done));
    weston.kill();
    await gone;
  }
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** What is on the screen: its middle as a few bytes of color, and the whole as a file. */
function photograph(environment, name) {
  execFileSync("weston-screenshooter", { cwd: folder, env: environment, stdio: "ignore" });
  const file = join(folder, name);
  renameSync(
    join(
      folder,
      readdirSync(folder).find((found) => found.startsWith("wayland-screenshot")),
    ),
    file,
  );
  const middle = ["-gravity", "center", "-crop", "50%x30%+0+0", "-resize", "32x18!", "-depth", "8", "rgb:-"];
  return execFileSync("convert", [file, ...middle]);
}

test("libmpv shows the film below the page under Wayland, and jumps", async () => {
  const inspector = `127.0.0.1:${await freePort()}`;
  const env = {
    XDG_RUNTIME_DIR: folder,
    WAYLAND_DISPLAY: SOCKET,
    GDK_BACKEND: "wayland",
    DISPLAY: "",
    FRESHET_PLAYER_INSPECTOR: inspector,
  };
  const program = await Program.start(film.magnet, { env });
  let page;
  try {
    await until("the player process", () => program.player);
    page = await until("its page", () => Session.attach(inspector));
    const secs = () => page.run("return document.querySelector('video').currentTime");
    await until("the first second", async () => (await secs()) > 1);
    await page.press("5");
    await until("the middle", async () => (await secs()) > 200);

    const environment = { ...process.env, ...env };
    const first = await until("a picture", () => {
      const middle = photograph(environment, "film-wayland.png");
      return colorfulShare(middle) > 0.5 && middle;
    });
    await until("a picture that moves", () => !first.equals(photograph(environment, "film-wayland.png")));
    execFileSync("cp", [join(folder, "film-wayland.png"), PICTURES]);
    assert.ok(program.player, "it is still the player process");
  } catch (error) {
    console.error(program.log);
    throw error;
  } finally {
    await page?.detach();
    await program.end();
  }
});
