/* A peer that goes by the protocol (BEP 3, 9, 10) and withholds one thing: for why a film does not start. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer } from "node:net";

export type Manner =
  /** Takes the connection and says nothing. */
  | "silent"
  /** Greets, and has no details of the torrent. */
  | "without details"
  /** Has everything and lets nobody ask. */
  | "choking"
  /** Has the details and no piece. */
  | "without pieces"
  /** Answers with wrong bytes. */
  | "lying";

const PROTOCOL = Buffer.from("\x13BitTorrent protocol", "latin1");
const HANDSHAKE_BYTES = 68;
const METADATA_PART_BYTES = 16 * 1024;
const UT_METADATA = 3;
const [UNCHOKE, BITFIELD, REQUEST, PIECE, EXTENDED] = [1, 5, 6, 7, 20] as const;

/** The `info` dictionary of a `.torrent` file, as it stands there. */
export function infoOf(torrentFile: Buffer): Buffer {
  const from = torrentFile.indexOf("4:info") + "4:info".length;
  return torrentFile.subarray(from, endOf(torrentFile, from));
}

/** Where the bencoded value that begins here ends. */
function endOf(bytes: Buffer, at: number): number {
  const kind = String.fromCharCode(bytes[at] ?? 0);
  if (kind === "i") return bytes.indexOf("e", at) + 1;
  if (kind === "d" || kind === "l") {
    let next = at + 1;
    while (String.fromCharCode(bytes[next] ?? 0) !== "e") next = endOf(bytes, next);
    return next + 1;
  }
  const colon = bytes.indexOf(":", at);
  return colon + 1 + Number(bytes.toString("latin1", at, colon));
}

function message(id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + 1);
  head[4] = id;
  return Buffer.concat([head, payload]);
}

export class WirePeer {
  readonly infoHash: string;
  readonly #server = createServer((socket) => this.#talk(socket));
  readonly #sockets = new Set<Socket>();

  private constructor(
    readonly manner: Manner,
    readonly info: Buffer,
  ) {
    this.infoHash = createHash("sha1").update(info).digest("hex");
  }

  static async start(manner: Manner, info: Buffer): Promise<WirePeer> {
    const peer = new WirePeer(manner, info);
    peer.#server.listen(0, "127.0.0.1");
    await once(peer.#server, "listening");
    return peer;
  }

  /** A link that names this peer and nobody else. */
  get magnet(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the peer does not listen");
    return `magnet:?xt=urn:btih:${this.infoHash}&x.pe=127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #talk(socket: Socket): void {
    this.#sockets.add(socket);
    // Whoever hangs up does it as they like.
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    if (this.manner === "silent") return;
    let heard = Buffer.alloc(0);
    let hasGreeted = false;
    let theirUtMetadata = 0;
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (!hasGreeted) {
        if (heard.length < HANDSHAKE_BYTES) return;
        if (!heard.subarray(0, PROTOCOL.length).equals(PROTOCOL)) return void socket.destroy();
        heard = heard.subarray(HANDSHAKE_BYTES);
        hasGreeted = true;
        this.#greet(socket);
      }
      while (heard.length >= 4 && heard.length >= 4 + heard.readUInt32BE(0)) {
        const whole = heard.subarray(4, 4 + heard.readUInt32BE(0));
        heard = heard.subarray(4 + whole.length);
        const [id, payload] = [whole[0], whole.subarray(1)];
        if (id === EXTENDED && payload[0] === 0) {
          theirUtMetadata = Number(/11:ut_metadatai(\d+)e/.exec(payload.toString("latin1"))?.[1] ?? 0);
        } else if (id === EXTENDED && payload[0] === UT_METADATA) {
          this.#sendDetails(socket, theirUtMetadata, payload);
        } else if (id === REQUEST && this.manner === "lying") {
          const block = Buffer.alloc(payload.readUInt32BE(8));
          socket.write(message(PIECE, Buffer.concat([payload.subarray(0, 8), block])));
        }
      }
    });
  }

  #greet(socket: Socket): void {
    const reserved = Buffer.alloc(8);
    reserved[5] = 0x10;
    const name = Buffer.from("-WP0001-withholding0");
    socket.write(Buffer.concat([PROTOCOL, reserved, Buffer.from(this.infoHash, "hex"), name]));
    const size = this.manner === "without details" ? "" : `13:metadata_sizei${this.info.length}e`;
    const introduction = Buffer.from(`\0d1:md11:ut_metadatai${UT_METADATA}ee${size}e`, "latin1");
    socket.write(message(EXTENDED, introduction));
    if (this.manner === "without details" || this.manner === "without pieces") return;
    const hashes = Number(/6:pieces(\d+):/.exec(this.info.toString("latin1"))?.[1] ?? 0);
    const pieces = hashes / 20;
    const bits = Buffer.alloc(Math.ceil(pieces / 8));
    for (let piece = 0; piece < pieces; piece += 1)
      bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
    socket.write(message(BITFIELD, bits));
    if (this.manner === "lying") socket.write(message(UNCHOKE, Buffer.alloc(0)));
  }

  #sendDetails(socket: Socket, theirUtMetadata: number, question: Buffer): void {
    const part = Number(/5:piecei(\d+)e/.exec(question.toString("latin1"))?.[1] ?? 0);
    const from = part * METADATA_PART_BYTES;
    const head = `d8:msg_typei1e5:piecei${part}e10:total_sizei${this.info.length}ee`;
    const data = this.info.subarray(from, from + METADATA_PART_BYTES);
    socket.write(message(EXTENDED, Buffer.concat([Buffer.from([theirUtMetadata]), Buffer.from(head), data])));
  }
}
