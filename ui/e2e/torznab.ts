/* A search service as Jackett and Prowlarr answer (Torznab 1.3). */
import { once } from "node:events";
import { createServer } from "node:http";

export const SERVICE_KEY = "the-key-of-the-test";

export interface Offer {
  title: string;
  sizeBytes: number;
  seeders: number;
  magnet: string;
}

export interface SearchService {
  url: string;
  /** What it was asked, in order. */
  asked: string[];
  close: () => void;
}

/** Has the same offers for every question, for who has the key. */
export async function startService(offers: readonly Offer[]): Promise<SearchService> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://service.test");
    response.setHeader("Content-Type", "application/xml");
    if (searchParams.get("apikey") !== SERVICE_KEY) {
      response.end('<?xml version="1.0"?><error code="100" description="Invalid API Key" />');
    } else if (searchParams.get("t") === "caps") {
      response.end('<?xml version="1.0"?><caps><searching><search available="yes" /></searching></caps>');
    } else {
      asked.push(searchParams.get("q") ?? "");
      response.end(`<?xml version="1.0"?>
        <rss xmlns:torznab="http://torznab.com/schemas/2015/feed"><channel>${offers.map(item).join("")}</channel></rss>`);
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/api`, asked, close: () => server.close() };
}

function item({ title, sizeBytes, seeders, magnet }: Offer): string {
  return `<item>
      <title>${title}</title>
      <size>${sizeBytes}</size>
      <torznab:attr name="seeders" value="${seeders}" /><torznab:attr name="peers" value="${seeders + 3}" />
      <torznab:attr name="magneturl" value="${magnet.replaceAll("&", "&amp;")}" />
    </item>`;
}
