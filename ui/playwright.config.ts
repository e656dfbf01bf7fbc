import { defineConfig } from "@playwright/test";

const TOGETHER = /(causes|formats|screens)\.spec/;

// The pages in the Chromium of the system, against freshetd and a torrent that somebody else seeds on loopback.
export default defineConfig({
  testDir: "e2e",
  outputDir: "test-results",
  globalSetup: "./e2e/clips.ts",
  timeout: 60_000,
  expect: { timeout: 15_000 },
  projects: [
    // What mostly waits, or has no time to keep: several at once.
    { name: "together", testMatch: TOGETHER, fullyParallel: true },
    { name: "alone", testIgnore: TOGETHER, workers: 1 },
  ],
  workers: 3,
  forbidOnly: true,
  reporter: [["list"]],
  use: {
    locale: "en-US",
    viewport: { width: 1280, height: 800 },
    screenshot: "only-on-failure",
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env["FRESHET_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--autoplay-policy=no-user-gesture-required",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-background-timer-throttling",
        "--disable-renderer-backgrounding",
        "--disable-backgrounding-occluded-windows",
        "--mute-audio",
      ],
    },
  },
});
