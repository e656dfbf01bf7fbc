"""Tells each pair of addresses between which something goes over an interface (loopback, if none is named), once, as lines of
JSON; ends at a packet to port 9."""

import ipaddress
import json
import socket
import sys

ALL_PROTOCOLS = 3
capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
capture.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
capture.bind((sys.argv[1] if len(sys.argv) > 1 else "lo", 0))
print(json.dumps("ready"), flush=True)
seen = set()
while True:
    frame = capture.recv(65535)
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        source, target, protocol = packet[12:16], packet[16:20], packet[9]
        ports = packet[(packet[0] & 15) * 4 :]
    elif kind == b"\x86\xdd":
        source, target, protocol, ports = packet[8:24], packet[24:40], packet[6], packet[40:]
    elif kind == b"\x08\x06":
        source, target, protocol, ports = packet[14:18], packet[24:28], int.from_bytes(kind, "big"), b""
    else:
        source, target, protocol, ports = bytes(4), bytes(4), int.from_bytes(kind, "big"), b""
    pair = (str(ipaddress.ip_address(source)), str(ipaddress.ip_address(target)), protocol)
    to_port = int.from_bytes(ports[2:4], "big") if protocol in (6, 17) else 0
    if to_port == 9:
        print(json.dumps("end"), flush=True)
        break
    # Answers come from the same pair; a flood of them says nothing new.
    if pair not in seen:
        seen.add(pair)
        print(json.dumps({"from": pair[0], "to": pair[1], "protocol": protocol, "port": to_port}), flush=True)
