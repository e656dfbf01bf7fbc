#!/usr/bin/env python3
"""One libtorrent seeder: seed_lt.py <ip or [ip]> <port> <data dir> <torrent>... (trusts the files, no hash check)."""
import sys, time
import libtorrent as lt

ip, port, data, *torrents = sys.argv[1:]
ses = lt.session({
    "listen_interfaces": f"{ip}:{port}", "outgoing_interfaces": ip.strip("[]"), "enable_dht": False, "enable_lsd": False,
    "enable_upnp": False, "enable_natpmp": False, "allow_multiple_connections_per_ip": True, "alert_mask": 0,
    "active_seeds": -1, "active_limit": -1, "unchoke_slots_limit": 20, "tracker_completion_timeout": 10,
    "announce_to_all_trackers": True, "user_agent": "bench-lt-seed",
})
for t in torrents:
    p = lt.add_torrent_params()
    p.ti = lt.torrent_info(t)
    p.save_path = data
    p.flags = lt.torrent_flags.seed_mode
    ses.add_torrent(p)
print("ready", flush=True)
while True:
    time.sleep(3600)
