#!/usr/bin/env python3
"""The tracker of the swarm: tracker.py <ip> <port>. Knows every torrent (BEP 3, BEP 23, BEP 7) and forgets nobody who does not say goodbye."""
import asyncio, ipaddress, sys, urllib.parse

torrents = {}


def announce(query, ip):
    q = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
    seen = torrents.setdefault(urllib.parse.unquote_to_bytes(q["info_hash"]), {})
    me = (ipaddress.ip_address(ip).packed, int(q["port"]))
    if q.get("event") == "stopped":
        seen.pop(me, None)
    else:
        seen[me] = int(q.get("left", "0"))
    others = [(address, port) for address, port in seen if (address, port) != me][: int(q.get("numwant") or 50)]
    lists = [b"".join(a + p.to_bytes(2, "big") for a, p in others if len(a) == size) for size in (4, 16)]
    complete = sum(left == 0 for left in seen.values())
    return b"d8:completei%de10:incompletei%de8:intervali1800e5:peers%d:%b6:peers6%d:%be" % (
        complete, len(seen) - complete, len(lists[0]), lists[0], len(lists[1]), lists[1])


async def serve(reader, writer):
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        path, _, query = head.split(b" ", 2)[1].decode("ascii").partition("?")
        if path == "/announce":
            status, body = b"200 OK", announce(query, writer.get_extra_info("peername")[0])
        else:
            status, body = b"404 Not Found", b""
        writer.write(b"HTTP/1.1 %b\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
    except (OSError, ValueError, KeyError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.TimeoutError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]))
    async with server:
        await server.serve_forever()

asyncio.run(main())
