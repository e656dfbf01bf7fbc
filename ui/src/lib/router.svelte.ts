/* The views in one page, named by the address's hash so that Back works. */
export type Route =
  | { view: "library" }
  | { view: "settings"; section?: string }
  | { view: "search" }
  | { view: "import" }
  | { view: "torrent"; infoHash: string };

export function parseRoute(hash: string): Route {
  const torrent = /^#\/torrent\/([0-9a-f]{40})$/i.exec(hash);
  if (torrent?.[1]) return { view: "torrent", infoHash: torrent[1].toLowerCase() };
  if (hash === "#/search") return { view: "search" };
  if (hash === "#/import") return { view: "import" };
  const settings = /^#\/settings(?:\/([a-z]+))?$/.exec(hash);
  if (settings)
    return settings[1] === undefined ? { view: "settings" } : { view: "settings", section: settings[1] };
  return { view: "library" };
}

export function torrentAddress(infoHash: string): string {
  return `#/torrent/${infoHash}`;
}

export class Router {
  route = $state.raw<Route>(parseRoute(location.hash));

  follow(): () => void {
    const read = () => (this.route = parseRoute(location.hash));
    window.addEventListener("hashchange", read);
    return () => window.removeEventListener("hashchange", read);
  }

  show(address: string): void {
    location.hash = address;
  }
}
