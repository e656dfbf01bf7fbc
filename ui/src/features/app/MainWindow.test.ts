import { cleanup, fireEvent, render, screen, waitFor, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FakeHost } from "../../lib/host/fake";
import { CallError } from "../../lib/host/host";
import { I18n } from "../../lib/i18n/i18n.svelte";
import { AppState } from "../../lib/stores/app-state.svelte";
import { Toasts } from "../../lib/stores/toasts.svelte";
import {
  HASH_A,
  HASH_B,
  info,
  mark,
  resolving,
  settings,
  snapshot,
  stats,
  torrent,
} from "../../test/samples";
import MainWindow from "./MainWindow.svelte";

const MAGNET = `magnet:?xt=urn:btih:${HASH_A}`;

describe("the main window", () => {
  let host: FakeHost;

  beforeEach(() => {
    localStorage.clear();
    location.hash = "";
    // The stand-in for a browser has no animations.
    Element.prototype.animate ??= () =>
      ({ cancel: () => undefined, finished: Promise.resolve() }) as unknown as Animation;
    host = new FakeHost({
      app_info: () => info,
      torrent_add: () => ({ torrent: resolving({ title: "River" }), is_new: true }),
      torrent_remove: () => undefined,
      torrent_retry: () => resolving(),
      viewed_set: () => undefined,
      transfers_pause: () => undefined,
      network_interfaces: () => [
        { name: "eth0", addresses: ["fe80::1", "192.168.1.2"] },
        { name: "wg0", addresses: ["10.8.0.2"] },
      ],
      settings_update: (patch) => ({ ...settings, ...patch }) as typeof settings,
      torrent_detail: ({ info_hash }) => ({
        summary: torrent({ info_hash }),
        name: "River",
        is_private: false,
        magnet: MAGNET,
        files: [
          { index: 0, path: "S1/e1.mkv", length_bytes: 1_000_000, kind: "video", torrserver_id: 1 },
          { index: 1, path: "S1/e2.mkv", length_bytes: 1_000_000, kind: "video", torrserver_id: 2 },
          { index: 2, path: "readme.txt", length_bytes: 10, kind: "other", torrserver_id: 3 },
        ],
      }),
    });
    render(MainWindow, {
      page: { host, app: new AppState(), i18n: new I18n(["en"]), toasts: new Toasts() },
    });
  });
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
  });

  const field = () => screen.getByRole<HTMLInputElement>("textbox", { name: /Magnet link/ });
  const type = (text: string) => fireEvent.input(field(), { target: { value: text } });
  const submit = async (text: string) => {
    await type(text);
    await fireEvent.submit(field());
  };

  it("invites to drop something when the library is empty", async () => {
    host.send(snapshot());
    expect(await screen.findByRole("heading", { name: "What would you like to watch?" })).toBeTruthy();
    expect(screen.getByText(/peers reach you on port 42131/)).toBeTruthy();
  });

  it("adds and plays what is typed, empties the field and offers to take it back", async () => {
    host.send(snapshot());
    await screen.findByRole("heading", { name: /like to watch/ });
    await submit(MAGNET);

    await screen.findByText("Added “River”");
    expect(host.argsOf("torrent_add")).toEqual([{ source: MAGNET }]);
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A }]);
    expect(field().value).toBe("");

    await fireEvent.click(screen.getByRole("button", { name: "Undo" }));
    expect(host.argsOf("torrent_remove")).toEqual([{ info_hash: HASH_A, delete_pieces: true }]);
  });

  it("says what is wrong with a bad link and keeps it", async () => {
    host.answer({
      torrent_add: () => {
        throw new CallError({ code: "invalid_info_hash", message: "39 characters" });
      },
    });
    host.send(snapshot());
    await screen.findByRole("heading", { name: /like to watch/ });
    await submit("magnet:?xt=urn:btih:123");

    const problem = await screen.findByRole("alert");
    expect(problem.textContent).toContain("must be 40 or 32 characters");
    expect(field().value).toBe("magnet:?xt=urn:btih:123");
    expect(field().getAttribute("aria-invalid")).toBe("true");
    expect(host.openedTargets).toEqual([]);
  });

  it("shows what is in the library already instead of adding it twice", async () => {
    host.answer({ torrent_add: () => ({ torrent: torrent(), is_new: false }) });
    host.send(snapshot({ torrents: [torrent()] }));
    await screen.findByRole("heading", { name: "River" });
    await submit(MAGNET);

    await screen.findByText("Already in your library: “River”");
    expect(screen.queryByRole("button", { name: "Undo" })).toBeNull();
    await fireEvent.click(screen.getByRole("button", { name: "Show" }));
    expect(location.hash).toBe(`#/torrent/${HASH_A}`);
  });

  it("adds what is pasted anywhere", async () => {
    host.send(snapshot({ torrents: [torrent()] }));
    await screen.findByRole("heading", { name: "River" });
    const event = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
      clipboardData: { files: [], getData: () => `${MAGNET}\n` },
    });
    document.body.dispatchEvent(event);

    await waitFor(() => expect(host.openedTargets).toEqual([{ info_hash: HASH_A }]));
  });

  it("leaves a paste into the search field alone", async () => {
    host.send(snapshot({ torrents: [torrent()] }));
    const search = await screen.findByRole("searchbox");
    const event = Object.assign(new Event("paste", { bubbles: true, cancelable: true }), {
      clipboardData: { files: [], getData: () => MAGNET },
    });
    search.dispatchEvent(event);

    expect(event.defaultPrevented).toBe(false);
    expect(host.argsOf("torrent_add")).toEqual([]);
  });

  it.each([
    [false, 1],
    [true, 0],
  ])("plays what is dropped, with Shift (%o) it only adds it", async (shiftKey, playedCount) => {
    host.send(snapshot());
    await screen.findByRole("heading", { name: /like to watch/ });
    const transfer = {
      files: [],
      items: [{}],
      types: ["text/plain"],
      getData: (kind: string) => (kind === "text/plain" ? MAGNET : ""),
    };
    const drag = (name: string) =>
      window.dispatchEvent(
        Object.assign(new Event(name, { cancelable: true }), { dataTransfer: transfer, shiftKey }),
      );
    drag("dragenter");
    await screen.findByText("Play this torrent");
    drag("drop");

    await screen.findByText("Added “River”");
    expect(screen.queryByText("Play this torrent")).toBeNull();
    expect(host.openedTargets).toHaveLength(playedCount);
  });

  it("shows each torrent in its state", async () => {
    host.send(
      snapshot({
        torrents: [
          resolving({ title: "Looking" }),
          torrent({
            info_hash: HASH_B,
            title: "Series",
            file_count: 12,
            playable_count: 10,
            viewed_count: 3,
          }),
          torrent({
            info_hash: "c".repeat(40),
            title: "Lonely",
            state: "failed",
            error: { code: "no_details", message: "none" },
          }),
        ],
        stats: [stats({ known_peers: 2 })],
      }),
    );

    expect(await screen.findByText("Looking for details…")).toBeTruthy();
    expect(screen.getByText(/2 peers · 0 s/)).toBeTruthy();
    expect(screen.getByText(/2\sGB · 3 of 10 seen/)).toBeTruthy();
    expect(screen.getByText(/Nobody sent the details/)).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(host.argsOf("torrent_retry")).toEqual([{ info_hash: "c".repeat(40) }]);
  });

  it("offers to continue what was left in the middle", async () => {
    host.send(
      snapshot({
        torrents: [torrent()],
        marks: [{ info_hash: HASH_A, marks: [mark({ file_index: 4, position_secs: 150 })] }],
      }),
    );
    const row = await screen.findByRole("region", { name: "Continue watching" });
    expect(within(row).getByText("7:30 left")).toBeTruthy();
    expect(within(row).getByRole("progressbar").getAttribute("aria-valuenow")).toBe("25");

    await fireEvent.click(within(row).getByRole("button", { name: "Play “River”, 7:30 left" }));
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A, file_index: 4 }]);
  });

  it("finds torrents by name and says when there are none", async () => {
    host.send(snapshot({ torrents: [torrent(), torrent({ info_hash: HASH_B, title: "Lake" })] }));
    const search = await screen.findByRole("searchbox");
    await fireEvent.input(search, { target: { value: "lak" } });
    expect(screen.queryByRole("heading", { name: "River" })).toBeNull();

    await fireEvent.input(search, { target: { value: "sea" } });
    expect(screen.getByText("Nothing called “sea”.")).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Clear search" }));
    expect(screen.getAllByRole("article")).toHaveLength(2);
  });

  it("finds a torrent among hundreds by its title and by its files", async () => {
    const many = Array.from({ length: 90 }, (_, index) =>
      torrent({
        info_hash: index.toString(16).padStart(40, "0"),
        title: `Film ${index}`,
        added_at_secs: index,
      }),
    );
    host.answer({ library_find: () => ({ info_hashes: ["5".padStart(40, "0")] }) });
    host.send(snapshot({ torrents: many }));
    expect(await screen.findAllByRole("article")).toHaveLength(90);

    await fireEvent.input(screen.getByRole("searchbox"), { target: { value: "film 77" } });
    const titles = () =>
      screen.getAllByRole("article").map((card) => within(card).getByRole("heading").textContent);
    expect(titles()).toEqual(["Film 77"]);
    await waitFor(() => expect(titles()).toEqual(["Film 77", "Film 5"]));
  });

  it("takes several torrents out at once, and back", async () => {
    host.answer({ torrent_restore: ({ info_hash }) => torrent({ info_hash }) });
    host.send(snapshot({ torrents: [torrent(), torrent({ info_hash: HASH_B, title: "Lake" })] }));
    for (const title of ["River", "Lake"]) {
      await fireEvent.pointerEnter(await screen.findByRole("article", { name: title }));
      await fireEvent.click(await screen.findByRole("checkbox", { name: `Select “${title}”` }));
    }
    const bar = screen.getByRole("toolbar", { name: "Selected torrents" });
    expect(bar.textContent).toMatch(/2 selected · 4\sGB/);
    await fireEvent.click(within(bar).getByRole("button", { name: "Remove…" }));
    await fireEvent.click(screen.getByRole("button", { name: "Remove and delete files" }));

    await fireEvent.click(await screen.findByRole("button", { name: "Undo" }));
    expect(
      host.argsOf("torrent_remove").map(({ info_hash, delete_pieces }) => [info_hash, delete_pieces]),
    ).toEqual([
      [HASH_A, true],
      [HASH_B, true],
    ]);
    await waitFor(() =>
      expect(host.argsOf("torrent_restore").map(({ info_hash }) => info_hash)).toEqual([HASH_A, HASH_B]),
    );
  });

  it("selects nothing any more when what was selected is gone", async () => {
    host.send(snapshot({ torrents: [torrent(), torrent({ info_hash: HASH_B, title: "Lake" })] }));
    await fireEvent.pointerEnter(await screen.findByRole("article", { name: "River" }));
    await fireEvent.click(screen.getByRole("checkbox", { name: "Select “River”" }));
    expect(screen.getByRole("toolbar", { name: "Selected torrents" })).toBeTruthy();

    host.send({ type: "torrent_removed", revision: 1000, info_hash: HASH_A });
    await waitFor(() => expect(screen.queryByRole("toolbar")).toBeNull());
    await fireEvent.click(screen.getByRole("button", { name: "Play “Lake”" }));
    await waitFor(() => expect(host.openedTargets).toEqual([{ info_hash: HASH_B }]));
  });

  it("has a menu for each torrent, also for the keyboard", async () => {
    host.answer({ torrent_edit: ({ info_hash }) => torrent({ info_hash }) });
    host.send(snapshot({ torrents: [torrent()] }));
    (await screen.findByRole("link", { name: "River" })).focus();
    const more = await screen.findByRole("button", { name: "More for “River”" });
    more.focus();
    await fireEvent.click(more);
    const menu = screen.getByRole("menu", { name: "More for “River”" });
    expect(document.activeElement?.textContent).toContain("Play");
    await fireEvent.keyDown(menu, { key: "End" });
    expect(document.activeElement?.textContent).toContain("Delete files…");
    await fireEvent.keyDown(menu, { key: "Escape" });
    expect(screen.queryByRole("menu")).toBeNull();
    expect(document.activeElement).toBe(more);

    await fireEvent.click(more);
    await fireEvent.click(screen.getByRole("menuitem", { name: "Keep" }));
    await fireEvent.click(more);
    await fireEvent.click(screen.getByRole("menuitem", { name: "Category…" }));
    await fireEvent.click(screen.getByRole("menuitemradio", { name: "Series" }));
    await fireEvent.click(more);
    await fireEvent.click(screen.getByRole("menuitem", { name: "Rename…" }));
    await fireEvent.input(screen.getByRole("textbox", { name: "Title" }), { target: { value: " Brook " } });
    await fireEvent.submit(screen.getByRole("textbox", { name: "Title" }));

    expect(host.argsOf("torrent_edit")).toEqual([
      { info_hash: HASH_A, is_kept: true },
      { info_hash: HASH_A, category: "tv" },
      { info_hash: HASH_A, title: "Brook" },
    ]);
  });

  it("shows what a torrent does only to who looks, and a report before it is copied", async () => {
    const peer = {
      client: "Example 1.0",
      is_incoming: false,
      is_encrypted: true,
      is_utp: false,
      down_bytes_per_sec: 0,
      up_bytes_per_sec: 0,
      has_share: 0.5,
      is_choking_us: true,
      is_interested_in_us: false,
      we_choke: true,
      we_are_interested: true,
      requests: 0,
    };
    host.answer({
      torrent_transfer: () => ({
        peers: [
          { ...peer, address: "192.0.2.1:1", idle: "choked" },
          { ...peer, address: "192.0.2.2:2", idle: null, down_bytes_per_sec: 1_000_000, client: null },
        ],
        piece_bytes: 1_000_000,
        runs: [
          { stand: "have", pieces: 3 },
          { stand: "missing", pieces: 2 },
        ],
        partial: [],
        uploaded_bytes: 0,
        downloaded_bytes: 0,
        seeded_secs: 0,
        is_retired: false,
        budget_used_bytes: 0,
        budget_bytes: null,
      }),
      torrent_report: () => ({ text: '{ "version": 1 }' }),
    });
    host.send(snapshot({ torrents: [torrent()], stats: [stats({ connected_peers: 2 })] }));
    location.hash = `#/torrent/${HASH_A}`;
    window.dispatchEvent(new Event("hashchange"));
    const summary = await screen.findByText("Activity");
    expect(host.argsOf("torrent_transfer")).toEqual([]);
    const details = summary.closest("details") as HTMLDetailsElement;
    details.open = true;
    await fireEvent(details, new Event("toggle"));

    const rows = await screen.findAllByRole("row");
    expect(
      rows
        .slice(1)
        .map((row) => Array.from(row.children, (cell) => cell.textContent.replace(/\s+/g, " ").trim())),
    ).toEqual([
      ["Unknown program TCP · encrypted", "Sends", "1 MB/s", "0 B/s", "50%"],
      ["Example 1.0 TCP · encrypted", "Makes us wait for a free slot", "0 B/s", "0 B/s", "50%"],
    ]);
    expect(screen.getByText("With nobody").closest("div")?.textContent).toMatch(/2$/);
    expect(screen.queryByText("192.0.2.1:1")).toBeNull();
    await fireEvent.click(screen.getByRole("button", { name: "Show addresses" }));
    expect(screen.getByText("192.0.2.1:1")).toBeTruthy();

    await fireEvent.click(screen.getByRole("button", { name: "Problem report…" }));
    expect((await screen.findByRole("region", { name: "Problem report" })).textContent).toBe(
      '{ "version": 1 }',
    );
    await fireEvent.click(screen.getByRole("button", { name: "Copy" }));
    await waitFor(() => expect(host.copiedTexts).toEqual(['{ "version": 1 }']));
  });

  it("offers the next episode of what is watched", async () => {
    host.answer({
      library_next_up: () => ({
        episodes: [
          {
            info_hash: HASH_A,
            file_index: 4,
            file_name: "River.S02E05.mkv",
            season: 2,
            episode: 5,
            seen_before_at_ms: 1,
          },
        ],
      }),
    });
    host.send(snapshot({ torrents: [torrent()] }));
    await fireEvent.click(await screen.findByRole("button", { name: "Play “River”, Season 2, episode 5" }));
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A, file_index: 4 }]);
  });

  it("shows the files of a torrent, plays one and marks one as seen", async () => {
    host.send(
      snapshot({
        torrents: [torrent({ playable_count: 2 })],
        marks: [{ info_hash: HASH_A, marks: [mark({ file_index: 1, viewed: true })] }],
      }),
    );
    location.hash = `#/torrent/${HASH_A}`;
    window.dispatchEvent(new Event("hashchange"));

    const seen = await screen.findByRole("checkbox", { name: "Mark e2.mkv as seen" });
    expect(seen.getAttribute("aria-checked")).toBe("true");
    expect(screen.getByText("1 other file")).toBeTruthy();
    await fireEvent.click(screen.getByRole("checkbox", { name: "Mark e1.mkv as seen" }));
    expect(host.argsOf("viewed_set")).toEqual([{ info_hash: HASH_A, file_index: 0, viewed: true }]);

    host.send({
      type: "marks_changed",
      revision: 11,
      marks: { info_hash: HASH_A, marks: [mark({ file_index: 0, viewed: true })] },
    });
    await waitFor(() =>
      expect(screen.getByRole("checkbox", { name: "Mark e1.mkv as seen" }).getAttribute("aria-checked")).toBe(
        "true",
      ),
    );
    await fireEvent.click(screen.getByRole("button", { name: "Play e2.mkv" }));
    expect(host.openedTargets).toEqual([{ info_hash: HASH_A, file_index: 1 }]);
    await fireEvent.click(screen.getByRole("button", { name: "Copy magnet link" }));
    expect(host.copiedTexts).toEqual([MAGNET]);
  });

  it("says why a torrent that somebody reads waits", async () => {
    const waits = stats({ connected_peers: 9, waiting: "all_choke" });
    host.send(snapshot({ torrents: [torrent()], stats: [waits] }));
    location.hash = `#/torrent/${HASH_A}`;
    window.dispatchEvent(new Event("hashchange"));
    expect(await screen.findByText(/9 peers found, none is sending to us yet/)).toBeTruthy();

    host.send({ type: "stats_changed", stats: [stats({ connected_peers: 9 })] });
    await waitFor(() => expect(screen.queryByText(/none is sending/)).toBeNull());
  });

  it("asks before files are deleted, and only then", async () => {
    HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
      this.open = true;
    };
    host.send(snapshot({ torrents: [torrent()] }));
    location.hash = `#/torrent/${HASH_A}`;
    window.dispatchEvent(new Event("hashchange"));

    await fireEvent.click(await screen.findByRole("button", { name: "Delete files…" }));
    expect(host.argsOf("torrent_remove")).toEqual([]);
    await fireEvent.click(await screen.findByRole("button", { name: "Delete" }));
    expect(host.argsOf("torrent_remove")).toEqual([{ info_hash: HASH_A, delete_pieces: true }]);
    await waitFor(() => expect(location.hash).toBe("#/"));
  });

  it("says from when the copy is that took a damaged library's place", async () => {
    const noon = Date.UTC(2026, 10, 20, 12) / 1000;
    host.send(snapshot({ notices: [{ kind: "database_restored", subject: String(noon) }] }));

    expect(await screen.findByText(/damaged; the copy from Nov 20, 2026/)).toBeTruthy();
  });

  it("tells of notices, of a pause and of a lost connection, each with a way on", async () => {
    host.send(snapshot({ notices: [{ kind: "port_taken", subject: "8091" }], transfers_paused: true }));
    const line = await screen.findByText(/now ends in 8091/);
    await fireEvent.click(screen.getByRole("button", { name: "Dismiss" }));
    expect(line.isConnected).toBe(false);

    await fireEvent.click(screen.getByRole("button", { name: "Resume" }));
    expect(host.argsOf("transfers_pause")).toEqual([{ paused: false }]);

    host.sendConnection(false);
    expect((await screen.findByRole("alert")).textContent).toContain("can't be reached");
  });

  it("explains the sharing once", async () => {
    host.send(snapshot({ torrents: [torrent()] }));
    await fireEvent.click(await screen.findByRole("button", { name: "Got it" }));
    expect(screen.queryByText(/sends parts of it to others/)).toBeNull();
    expect(localStorage.getItem("freshet.sharing-explained")).toBe("1");
  });

  it("changes its language and theme with the settings", async () => {
    host.send(snapshot({ settings: { ...settings, language: "ru", theme: "dark" } }));
    expect(await screen.findByRole("heading", { name: "Что будем смотреть?" })).toBeTruthy();
    expect(document.documentElement.lang).toBe("ru");
    expect(document.documentElement.dataset["theme"]).toBe("dark");
  });

  it("says that the chosen network interface is not there", async () => {
    const transfers = { ...settings.transfers, network_interface: "tun9" };
    const notices = [{ kind: "interface_missing" as const, subject: "tun9" }];
    host.send(snapshot({ settings: { ...settings, transfers }, notices }));
    location.hash = "#/settings";
    window.dispatchEvent(new Event("hashchange"));

    const choice = await screen.findByRole<HTMLSelectElement>("combobox", { name: "Network interface" });
    expect(await within(choice).findByRole("option", { name: "tun9 (not there)" })).toBeTruthy();
    expect(choice.value).toBe("tun9");
    const told = () => screen.queryByText(/The network interface tun9 is missing/);
    expect(told()).toBeTruthy();
    await fireEvent.click(screen.getByRole("button", { name: "Dismiss" }));
    expect(told()).toBeNull();
    // Gone and back, it is told again.
    host.send({ type: "notices_changed", notices: [] });
    await tick();
    host.send({ type: "notices_changed", notices });
    await waitFor(() => expect(told()).toBeTruthy());
  });

  it("asks about a link that another program handed over, and does as it is answered", async () => {
    host.answer({ link_offer_answer: ({ answer }) => (answer === "dismiss" ? null : HASH_A) });
    const offer = {
      id: 3,
      name: "<b>River</b>",
      info_hash: HASH_A,
      hosts: ["a.example", "b.example"],
      host_count: 4,
      is_known: false,
    };
    const nameless = { ...offer, id: 4, name: null, hosts: [], host_count: 0, is_known: true };
    host.send(snapshot({ torrents: [torrent()], link_offers: [offer, nameless] }));

    const [first, second] = await screen.findAllByRole("region", {
      name: "Another program handed over a link",
    });
    if (!first || !second) throw new Error("two links wait");
    expect(first.textContent).toContain("<b>River</b>");
    expect(first.textContent).toContain(HASH_A);
    expect(first.textContent).toContain("It names a.example, b.example and 2 more.");
    expect(document.activeElement, "no key answers it by accident").toBe(within(first).getByRole("heading"));
    expect(second.textContent).toContain("A torrent without a name");
    expect(within(second).queryByRole("button", { name: "Add" }), "it is here already").toBeNull();

    await fireEvent.click(within(second).getByRole("button", { name: "Not now" }));
    await fireEvent.click(within(first).getByRole("button", { name: "Add" }));
    expect(host.argsOf("link_offer_answer")).toEqual([
      { id: 4, answer: "dismiss" },
      { id: 3, answer: "add" },
    ]);
    await waitFor(() => expect(location.hash).toBe(`#/torrent/${HASH_A}`));
    host.send({ type: "link_offers_changed", link_offers: [] });
    await waitFor(() => expect(screen.queryAllByText(/handed over a link/)).toEqual([]));
  });
});
