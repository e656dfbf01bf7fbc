"""libtorrent as a peer on loopback: makes torrents, seeds them, fetches them; told by one line of JSON, tells by lines of JSON."""

import json
import os
import sys
import time

import libtorrent as lt


def make(order):
    v1 = lt.create_torrent.v1_only
    flags = {"v1": v1, "padded": v1 | lt.create_torrent.canonical_files, "hybrid": 0}
    storage = lt.file_storage()
    lt.add_files(storage, order["path"])
    creator = lt.create_torrent(storage, order["piece_bytes"], flags[order["kind"]])
    lt.set_piece_hashes(creator, os.path.dirname(order["path"]))
    return creator.generate()


def session(order):
    policies = {True: lt.enc_policy.forced, False: lt.enc_policy.disabled, None: lt.enc_policy.enabled}
    enc = policies[order["encrypted"]]
    over_utp = order["transport"] == "utp"
    return lt.session(
        {
            "listen_interfaces": "127.0.0.1:0",
            "enable_dht": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "in_enc_policy": int(enc),
            "out_enc_policy": int(enc),
            "enable_incoming_tcp": not over_utp,
            "enable_outgoing_tcp": not over_utp,
            "enable_incoming_utp": over_utp,
            "enable_outgoing_utp": over_utp,
            "allow_multiple_connections_per_ip": True,
            "unchoke_slots_limit": 100,
        }
    )


def tell(**what):
    print(json.dumps(what), flush=True)


def main():
    order = json.loads(sys.stdin.readline())
    if order["do"] == "make":
        with open(order["torrent"], "wb") as file:
            file.write(lt.bencode(make(order)))
        tell(made=True)
        return
    with open(order["torrent"], "rb") as file:
        whole = lt.torrent_info(lt.bdecode(file.read()))
    ses = session(order)
    params = lt.add_torrent_params()
    params.save_path = order["save_path"]
    params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    if order["do"] == "seed":
        params.ti = whole
    else:
        # By the hash alone: the details come from the peer too.
        params.info_hashes = lt.info_hash_t(whole.info_hashes().v1)
    handle = ses.add_torrent(params)
    if order["do"] == "fetch":
        handle.connect_peer(("127.0.0.1", order["peer_port"]))
    while not handle.status().is_seeding:
        if handle.status().errc.value():
            tell(error=handle.status().errc.message())
            return
        time.sleep(0.05)
    handle.flush_cache()
    tell(port=ses.listen_port())
    sys.stdin.readline()


main()
