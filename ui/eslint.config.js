import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

import svelteConfig from "./svelte.config.js";

export default ts.config(
  {
    ignores: [
      "dist",
      "node_modules",
      "test-results",
      "playwright-report",
      "coverage",
      "src/lib/host/bindings.ts",
    ],
  },
  js.configs.recommended,
  ...ts.configs.strict,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser } },
    rules: {
      // TypeScript knows better.
      "no-undef": "off",
      "no-console": "error",
      eqeqeq: "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            {
              group: ["@tauri-apps/*"],
              message: "Only lib/host/tauri.ts may know the shell; ask the Host interface.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
    rules: {
      // Titles and file names come from strangers.
      "svelte/no-at-html-tags": "error",
      // Reactive collections are chosen where something is shown; a set inside a function needs no signals.
      "svelte/prefer-svelte-reactivity": "off",
      // Our routes are hashes of one page; this rule is about SvelteKit's router.
      "svelte/no-navigation-without-resolve": "off",
    },
  },
  { files: ["src/lib/host/tauri.ts"], rules: { "no-restricted-imports": "off" } },
  {
    files: ["e2e*/**", "*.config.*"],
    languageOptions: { globals: { ...globals.node } },
    rules: { "no-console": "off" },
  },
);
