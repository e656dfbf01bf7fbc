import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { SearchResult } from "../../lib/host/bindings";
import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import { HASH_A, HASH_B, about, info, settings, snapshot, torrent } from "../../test/samples";
import MainWindow from "../app/MainWindow.svelte";
import { qualitiesOf, shownResults } from "./results";

function result(change: Partial<SearchResult> = {}): SearchResult {
  return {
    title: "River.2024.1080p.WEB",
    about: about({ year: 2024, resolution_lines: 1080, source: "WEB" }),
    size_bytes: 2_000_000_000,
    seeders: 5,
    peers: 7,
    published_at_secs: null,
    tracker: "Tracker",
    category: "Movies",
    info_hash: HASH_A,
    magnet: `magnet:?xt=urn:btih:${HASH_A}`,
    link: null,
    details: null,
    imdb_id: "",
    year: null,
    indexer: 0,
    ...change,
  };
}

describe("results", () => {
  const small = result({ size_bytes: 1, published_at_secs: 50 });
  const large = result({ size_bytes: 9, about: about({ resolution_lines: 2160, is_hdr: true }) });
  const other = result({ size_bytes: 5, published_at_secs: 90, about: about() });

  it("come in the order and of the quality that is asked for", () => {
    const all = [small, large, other];
    expect(shownResults(all, "seeders", null)).toEqual(all);
    expect(shownResults(all, "size", null)).toEqual([large, other, small]);
    expect(shownResults(all, "newest", null)).toEqual([other, small, large]);
    expect(shownResults(all, "seeders", 2160)).toEqual([large]);
    expect(shownResults(all, "seeders", 0)).toEqual([other]);
    expect(qualitiesOf(all)).toEqual([2160, 1080, 0]);
    expect(qualitiesOf([small])).toEqual([]);
  });
});

describe("the search page", () => {
  let host: FakeHost;
  const service = { name: "Jackett", url: "http://127.0.0.1:9117/", api_key: "k" };
  const withServices = (indexers: (typeof service)[]) =>
    snapshot({
      torrents: [torrent({ info_hash: HASH_B })],
      settings: { ...settings, search: { torznab_enabled: indexers.length > 0, indexers } },
    });

  beforeEach(() => {
    localStorage.clear();
    location.hash = "#/search";
    // A line that takes the place of another one ends its movement, which the stand-in for a browser takes for an error.
    Element.prototype.animate = () =>
      ({ cancel: () => undefined, finished: Promise.resolve() }) as unknown as Animation;
    host = new FakeHost({
      app_info: () => info,
      torrent_add: () => ({ torrent: torrent(), is_new: true }),
      settings_update: () => settings,
    });
    render(MainWindow, {
      page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() },
    });
  });

  afterEach(cleanup);

  const ask = async (query: string) => {
    const field = await screen.findByRole("searchbox", { name: "What to look for" });
    await fireEvent.input(field, { target: { value: query } });
    await fireEvent.submit(field);
  };

  it("plays what a service knows, adds it, and says who gave nothing", async () => {
    host.answer({
      search: () => ({
        results: [result(), result({ info_hash: HASH_B, title: "River.2020", about: about({ year: 2020 }) })],
        failures: [{ indexer: 1, name: "Other", error: { code: "fetch_failed", message: "refused" } }],
      }),
    });
    host.send(withServices([service, { ...service, name: "Other" }]));
    await ask(" river ");

    expect(await screen.findByRole("heading", { name: "2 results for “river”" })).toBeTruthy();
    expect(host.argsOf("search")).toEqual([{ query: "river" }]);
    expect(screen.getByText(/^Other gave nothing: refused/)).toBeTruthy();
    const [first, second] = screen.getAllByRole("listitem");
    expect(first?.textContent).toMatch(/1080p WEB · 2\sGB · 5 seeders · Tracker/);
    expect(within(second as HTMLElement).getByLabelText("In your library")).toBeTruthy();

    await fireEvent.click(screen.getByRole("button", { name: "Play “River (2024)”" }));
    await waitFor(() => expect(host.openedTargets).toEqual([{ info_hash: HASH_A }]));
    await fireEvent.click(screen.getByRole("button", { name: "Add “River (2024)” without playing" }));
    const magnet = { source: `magnet:?xt=urn:btih:${HASH_A}` };
    await waitFor(() => expect(host.argsOf("torrent_add")).toEqual([magnet, magnet]));
    expect(host.openedTargets).toHaveLength(1);
  });

  it("shows what was asked for last, and not what was answered late", async () => {
    let answerFirst: (titles: string) => void = () => undefined;
    const answerOf = (title: string) => ({ results: [result({ about: about({ title }) })], failures: [] });
    const first = new Promise<ReturnType<typeof answerOf>>((resolve) => {
      answerFirst = (title) => resolve(answerOf(title));
    });
    host.answer({ search: ({ query }) => (query === "one" ? first : answerOf("Second")) });
    host.send(withServices([service]));
    await ask("one");
    await ask("two");
    expect(await screen.findByRole("heading", { name: "Second" })).toBeTruthy();
    answerFirst("First");
    await first;
    expect(screen.queryByRole("heading", { name: "First" })).toBeNull();
    expect(screen.getByRole("heading", { name: "1 result for “two”" })).toBeTruthy();
  });

  it("takes a service down only when it works", async () => {
    let works = false;
    host.answer({
      indexer_test: () => {
        if (!works) throw new CallError({ code: "fetch_failed", message: "wrong key" });
      },
    });
    host.send(withServices([]));
    const address = await screen.findByRole("textbox", { name: /Address/ });
    expect(screen.queryByRole("searchbox")).toBeNull();
    await fireEvent.input(address, { target: { value: "http://127.0.0.1:9117" } });
    await fireEvent.input(screen.getByLabelText("API key"), { target: { value: "secret" } });
    await fireEvent.submit(address);
    expect((await screen.findByRole("alert")).textContent).toContain("wrong key");
    expect(host.argsOf("settings_update")).toEqual([]);

    works = true;
    await fireEvent.submit(address);
    const written = { name: "", url: "http://127.0.0.1:9117", api_key: "secret" };
    await waitFor(() =>
      expect(host.argsOf("settings_update")).toEqual([
        { search: { torznab_enabled: true, indexers: [written] } },
      ]),
    );
  });
});
