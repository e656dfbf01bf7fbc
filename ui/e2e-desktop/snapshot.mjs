// What the program knows, from outside.

/** The first event of a stream: everything. */
export async function snapshot(port) {
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port}/events`, { signal: abort.signal });
  let text = "";
  for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
    text += bytes;
    if (text.includes("\n\n")) break;
  }
  abort.abort();
  const line = text.split("\n").find((line) => line.startsWith("data:"));
  return JSON.parse(line.slice("data:".length));
}
