/* Every text comes from the words of a language: in one of which each text has brackets, whatever has none was written by hand. */
import { cleanup, render, waitFor } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, expect, it } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { I18n } from "../../lib/i18n/i18n.svelte";
import type { MessageKey, MessageValues } from "../../lib/i18n/translate";
import { translate } from "../../lib/i18n/translate";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, info, mark, settings, snapshot, torrent } from "../../test/samples";
import MainWindow from "./MainWindow.svelte";

class PseudoI18n extends I18n {
  override readonly t = (key: MessageKey, values?: MessageValues) => `⟦${translate("en", key, values)}⟧`;
}

/** What people, files and the system name, and what is the same in all languages. */
const OWN_NAMES = [
  ...[
    "Freshet",
    "River",
    "English",
    "Русский",
    "RI",
    "R",
    "S1",
    "e1.mkv",
    "S1/e1.mkv",
    "e2.mkv",
    "readme.txt",
    "/data",
    "0.1.0",
  ],
  ...["http://127.0.0.1:8090", "TV", "River · e2.mkv"],
];

/** Texts and names of controls that nobody translated. */
function untranslated(): string[] {
  const found: string[] = [];
  const look = (text: string | null, where: Element) => {
    const plain = (text ?? "").trim();
    if (plain === "" || plain.includes("⟦") || plain.includes("⟧") || OWN_NAMES.includes(plain)) return;
    // Numbers, keys, and words of the browser's own (names of languages, dates) that `Intl` has made.
    if (!/\p{L}/u.test(plain) || where.closest("kbd, option, [data-own-words]")) return;
    // A part of a sentence that was cut for a key in its middle, or a size.
    if (/^[\d.,\s]+\s?([kMGT]?B|GB)/.test(plain)) return;
    found.push(`${where.tagName.toLowerCase()}: ${plain}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.parentElement && !node.parentElement.closest("style, script"))
      look(node.textContent, node.parentElement);
  }
  for (const element of document.querySelectorAll("[aria-label], [title], [alt]")) {
    for (const name of ["aria-label", "title", "alt"]) look(element.getAttribute(name), element);
  }
  return [...new Set(found)];
}

beforeEach(() => {
  localStorage.clear();
  location.hash = "";
  Element.prototype.scrollIntoView ??= () => undefined;
  Element.prototype.animate ??= () =>
    ({ cancel: () => undefined, finished: Promise.resolve() }) as unknown as Animation;
});
afterEach(cleanup);

it.each([
  ["#/", "article"],
  ["#/settings", "[data-row=version]"],
  ["#/import", "form"],
  [`#/torrent/${HASH_A}`, "[role=checkbox]"],
])("%s says nothing that was not translated", async (address, last) => {
  location.hash = address;
  const host = new FakeHost({
    app_info: () => ({ ...info, shell: { has_tray: true, can_start_at_login: true, can_open_links: true } }),
    network_interfaces: () => [],
    storage_info: () => ({ folder: "/data", used_bytes: 0, budget_bytes: null, free_bytes: null }),
    torrent_detail: ({ info_hash }) => ({
      summary: torrent({ info_hash }),
      name: "River",
      is_private: false,
      magnet: `magnet:?xt=urn:btih:${info_hash}`,
      files: [
        { index: 0, path: "S1/e1.mkv", length_bytes: 1_000_000, kind: "video", torrserver_id: 1 },
        { index: 1, path: "readme.txt", length_bytes: 10, kind: "other", torrserver_id: 2 },
      ],
    }),
    qr_code: () => ({ rows: [] }),
  });
  render(MainWindow, {
    page: { host, app: new AppState(), i18n: new PseudoI18n(["en"]), toasts: new Toasts() },
  });
  host.send(
    snapshot({
      torrents: [torrent()],
      marks: [{ info_hash: HASH_A, marks: [mark({ position_secs: 150 })] }],
      settings: { ...settings, network: { ...settings.network, lan_enabled: true, https_enabled: true } },
      access: { has_password: true, devices: [{ id: 1, name: "TV", added_at_secs: 5 }] },
    }),
  );
  await waitFor(() => expect(document.querySelector(last)).not.toBeNull());
  await tick();

  expect(untranslated()).toEqual([]);
});
