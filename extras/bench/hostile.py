#!/usr/bin/env python3
"""Hostile peers: hostile.py <mode> <ip> <port> <torrent> <source file>

They claim to be seeds, unchoke at once, and then
  stall    answer the first 3 blocks of every connection and never send another byte of data (keep-alives go on)
  corrupt  answer every request at once with a few flipped bytes
  slow     answer one 16 KiB block every 4 s (4 KB/s), in order
  half     send half of each block's message, then stop in the middle of it
Written from BEP 3; announces itself to the torrent's tracker as complete.
"""
import asyncio, os, socket, struct, sys, urllib.parse, urllib.request
import libtorrent as lt

mode, ip, port, torrent, source = sys.argv[1:6]
port = int(port)
ti = lt.torrent_info(torrent)
ih = ti.info_hash().to_bytes()
plen, n = ti.piece_length(), ti.num_pieces()
fd = os.open(source, os.O_RDONLY)
pid = b"-qB4630-" + os.urandom(12)
served = 0


async def peer(r, w):
    global served
    try:
        w.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        h = await r.readexactly(68)
        if h[1:20] != b"BitTorrent protocol" or h[28:48] != ih:
            return w.close()
        bits = bytearray((n + 7) // 8)
        for i in range(n):
            bits[i // 8] |= 0x80 >> (i % 8)
        w.write(b"\x13BitTorrent protocol" + bytes(8) + ih + pid)
        w.write(struct.pack(">IB", 1 + len(bits), 5) + bits + struct.pack(">IB", 1, 1))
        answered = 0
        queue = asyncio.Queue()

        async def answer():
            nonlocal answered
            global served
            while True:
                i, b, l = await queue.get()
                if mode == "stall" and answered >= 3:
                    continue
                data = bytearray(os.pread(fd, l, i * plen + b))
                if mode == "corrupt":
                    for k in range(0, len(data), 4099):
                        data[k] ^= 0x5A
                if mode == "slow":
                    await asyncio.sleep(4)
                msg = struct.pack(">IBII", 9 + l, 7, i, b) + data
                w.write(msg if mode != "half" else msg[: len(msg) // 2])
                await w.drain()
                answered += 1
                served += l
                if mode == "half":
                    await asyncio.sleep(3600)

        async def alive():
            while True:
                await asyncio.sleep(60)
                if mode != "half":
                    w.write(bytes(4))

        tasks = [asyncio.create_task(answer()), asyncio.create_task(alive())]
        try:
            while True:
                (ln,) = struct.unpack(">I", await r.readexactly(4))
                if ln == 0:
                    continue
                m = await r.readexactly(ln)
                if m[0] == 6:
                    queue.put_nowait(struct.unpack(">III", m[1:13]))
        finally:
            for t in tasks:
                t.cancel()
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        w.close()


def announce():
    q = urllib.parse.urlencode({"info_hash": ih, "peer_id": pid, "port": port, "uploaded": 0, "downloaded": 0,
                                "left": 0, "compact": 1, "event": "started", "numwant": 0}, quote_via=urllib.parse.quote)
    url = urllib.parse.urlsplit(next(iter(ti.trackers())).url)
    s = socket.create_connection((url.hostname, url.port), 5, source_address=(ip, 0))
    s.sendall(f"GET {url.path}?{q} HTTP/1.0\r\nHost: t\r\n\r\n".encode())
    s.recv(4096)
    s.close()


async def main():
    srv = await asyncio.start_server(peer, ip, port)
    await asyncio.to_thread(announce)
    print("ready", flush=True)
    async with srv:
        await srv.serve_forever()

asyncio.run(main())
