import { svelte } from "@sveltejs/vite-plugin-svelte";
import { svelteTesting } from "@testing-library/svelte/vite";
import { defineConfig } from "vitest/config";

// Two windows, two pages: what only the library needs stays out of the player.
export default defineConfig({
  plugins: [svelte(), svelteTesting()],
  build: {
    target: ["chrome120", "safari17"],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the packages hand on with the pages: the licenses of everything that is in them.
    license: { fileName: "licenses.md" },
    rolldownOptions: { input: ["index.html", "player.html"] },
  },
  server: { port: 5199, strictPort: true },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    restoreMocks: true,
    testTimeout: 10_000,
  },
});
