"""Tracker and seeders (none of them written here, except the hostile peers)."""
import json, os, shutil, signal, socket, subprocess, sys, time, urllib.parse
from pathlib import Path
import libtorrent as lt
from net import BENCH, SWARM, TRACKER_IP, six

DATA, TORRENTS, RUN = BENCH / "data", BENCH / "torrents", BENCH / "run"
HERE = Path(__file__).resolve().parent
PY = sys.executable
SRC = {"movie": "movie.mkv", "movie_p4m": "movie.mkv", "mp4": "movie.mp4", "big": "big.bin", "big_p256k": "big.bin", "big_p16m": "big.bin", "huge": "huge.bin"}


def cgroup(group):
    """A preexec that puts the child into bench/<group> for CPU and memory accounting."""
    def enter():
        for ctl in ("cpu", "cpuacct", "memory"):
            d = f"/sys/fs/cgroup/{ctl}/bench/{group}"
            try:
                os.makedirs(d, exist_ok=True)
                with open(d + "/cgroup.procs", "w") as f:
                    f.write(str(os.getpid()))
            except OSError:
                pass
        os.setpgid(0, 0)
    return enter


def cgroup_init():
    for g in ("", "/prod", "/seed", "/cli", "/net"):
        for ctl in ("cpu", "cpuacct", "memory"):
            os.makedirs(f"/sys/fs/cgroup/{ctl}/bench{g}", exist_ok=True)
    Path("/sys/fs/cgroup/cpu/bench/cpu.shares").write_text("40000")


def sweep():
    """Ends what an interrupted run of this bench left behind: exactly the members of its own control groups."""
    for g in ("prod", "seed", "net"):
        for pid in map(int, Path(f"/sys/fs/cgroup/cpuacct/bench/{g}/cgroup.procs").read_text().split()):
            if pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
    time.sleep(0.2)


def cpu_ns(group):
    return int(Path(f"/sys/fs/cgroup/cpuacct/bench/{group}/cpuacct.usage").read_text())


def info(name):
    return lt.torrent_info(str(TORRENTS / f"{name}.torrent"))


def info_hash(name):
    return str(info(name).info_hash())


def magnet(name, peers=()):
    """With the addresses of `peers` in it, or, without any, the tracker's."""
    start = f"magnet:?xt=urn:btih:{info_hash(name)}&dn={name}"
    if peers:
        return start + "".join(f"&x.pe={urllib.parse.quote(p)}" for p in peers)
    return start + "&tr=" + urllib.parse.quote(f"http://{TRACKER_IP}:6969/announce", safe="")


def in_swarm(cmd, log, env=None, cwd=None):
    f = open(log, "ab")
    return subprocess.Popen(["ip", "netns", "exec", SWARM, *map(str, cmd)], stdout=f, stderr=f, stdin=subprocess.DEVNULL,
                            preexec_fn=cgroup("seed"), env=env, cwd=cwd)


def tracker_get(path, **q):
    """One HTTP request to the tracker; q values may be bytes."""
    s = socket.create_connection((TRACKER_IP, 6969), 5)
    s.sendall(f"GET {path}?{urllib.parse.urlencode(q, quote_via=urllib.parse.quote)} HTTP/1.0\r\nHost: t\r\n\r\n".encode())
    b = b""
    while True:
        c = s.recv(65536)
        if not c:
            break
        b += c
    s.close()
    return lt.bdecode(b.split(b"\r\n\r\n", 1)[1])


class Swarm:
    """kinds: {ip: (kind, ...)} with kind lt | tr | qb | ar | hostile modes."""

    def __init__(self, torrents, is_six=False):
        self.torrents = torrents
        self.is_six = is_six
        self.addresses = []
        self.procs = {}
        RUN.mkdir(parents=True, exist_ok=True)

    def start_tracker(self):
        d = RUN / "tracker"
        d.mkdir(exist_ok=True)
        self.procs["tracker"] = in_swarm([PY, HERE / "tracker.py", TRACKER_IP, 6969], d / "log", cwd=d)
        end = time.time() + 20
        while True:
            try:
                return socket.create_connection((TRACKER_IP, 6969), 1).close()
            except OSError:
                if time.time() > end:
                    raise
                time.sleep(0.1)

    def start(self, ip, kind):
        files = [str(TORRENTS / f"{t}.torrent") for t in self.torrents]
        d = RUN / f"seed-{kind}-{ip}"
        d.mkdir(exist_ok=True)
        env = dict(os.environ, HOME=str(d), XDG_CONFIG_HOME=str(d), XDG_DATA_HOME=str(d), XDG_CACHE_HOME=str(d))
        if self.is_six:
            self.addresses.append(f"[{six(ip)}]:{51413 if kind == 'tr' else 6881}")
        if kind == "lt":
            cmd = [PY, HERE / "seed_lt.py", f"[{six(ip)}]" if self.is_six else ip, 6881, DATA, *files]
        elif kind == "tr":
            (d / "settings.json").write_text(json.dumps({
                "bind-address-ipv4": "127.0.0.1" if self.is_six else ip, "bind-address-ipv6": six(ip) if self.is_six else "::1", "peer-port": 51413, "dht-enabled": False, "lpd-enabled": False, "utp-enabled": True,
                "pex-enabled": True, "download-dir": str(DATA), "rpc-enabled": False, "port-forwarding-enabled": False,
                "start-added-torrents": True, "upload-slots-per-torrent": 14, "seed-queue-enabled": False, "rename-partial-files": False,
                "download-queue-enabled": False, "speed-limit-up-enabled": False, "peer-limit-per-torrent": 200, "encryption": 1}))
            (d / "torrents").mkdir(exist_ok=True)
            for f in files:
                t = Path(f)
                shutil.copy(t, d / "torrents" / f"{t.stem}.{info_hash(t.stem)[:16]}.torrent")
            cmd = ["transmission-daemon", "-f", "--log-info", "-g", d]
        elif kind == "qb":
            c = d / "qBittorrent/config"
            c.mkdir(parents=True, exist_ok=True)
            (c / "qBittorrent.conf").write_text(
                "[LegalNotice]\nAccepted=true\n[BitTorrent]\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\nSession\\PeXEnabled=true\n"
                f"Session\\InterfaceAddress={six(ip) if self.is_six else ip}\nSession\\Port=6881\nSession\\QueueingSystemEnabled=false\nSession\\MultiConnectionsPerIp=true\n"
                "[Network]\nPortForwardingEnabled=false\n[Preferences]\nWebUI\\Enabled=false\n[Core]\nAutoDeleteAddedTorrentFile=Never\n")
            cmd = ["qbittorrent-nox", f"--profile={d}", f"--save-path={DATA}", "--skip-hash-check", "--skip-dialog=true", "--webui-port=18080", *files]
        elif kind == "ar":
            cmd = ["aria2c", "--no-conf", f"--interface={ip}", f"--dir={DATA}", "--enable-dht=false", "--enable-dht6=false", "--disable-ipv6=true",
                   "--bt-enable-lpd=false", "--bt-seed-unverified=true", "--check-integrity=false", "--seed-ratio=0.0", "--listen-port=6881",
                   "--max-concurrent-downloads=20", "--file-allocation=none", "--allow-overwrite=true", "--auto-file-renaming=false",
                   "--summary-interval=0", "--quiet=true", "--enable-rpc=false", *[f for f in files]]
        else:
            t = self.torrents[0]
            cmd = [PY, HERE / "hostile.py", kind, ip, 6881, TORRENTS / f"{t}.torrent", DATA / SRC[t]]
        self.procs[ip] = in_swarm(cmd, d / "log", env=env, cwd=d)

    def stop_one(self, ip):
        p = self.procs.pop(ip, None)
        if p:
            try:
                os.killpg(p.pid, signal.SIGTERM)
                p.wait(8)
            except (subprocess.TimeoutExpired, ProcessLookupError):
                try:
                    os.killpg(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                p.wait()

    def stop(self):
        for k in [k for k in self.procs if k != "tracker"] + ["tracker"]:
            self.stop_one(k)

    def peers(self, name):
        """(complete, [(ip, port)]) as the tracker tells them (asked as a leaving peer, so nothing is added)."""
        r = tracker_get("/announce", info_hash=bytes.fromhex(info_hash(name)), peer_id=b"-BENCH0-000000000000", port=1, uploaded=0,
                        downloaded=0, left=1, compact=1, event="started", numwant=200)
        tracker_get("/announce", info_hash=bytes.fromhex(info_hash(name)), peer_id=b"-BENCH0-000000000000", port=1, uploaded=0,
                    downloaded=0, left=1, compact=1, event="stopped", numwant=0)
        b = r.get(b"peers", b"")
        return [(socket.inet_ntoa(b[i:i + 4]), int.from_bytes(b[i + 4:i + 6], "big")) for i in range(0, len(b), 6)]

    def wait(self, n, timeout=300):
        end = time.time() + timeout
        if self.is_six:  # the tracker speaks IPv4 alone: whoever takes connections is ready
            for address in self.addresses:
                host, port = address[1:].split("]:")
                while True:
                    try:
                        socket.create_connection((host, int(port)), 2).close()
                        break
                    except OSError:
                        if time.time() > end:
                            raise
                        time.sleep(0.5)
            return
        have = {}
        while time.time() < end:
            have = {t: len([p for p in self.peers(t) if p[0].startswith("10.7.")]) for t in self.torrents}
            if all(v >= n for v in have.values()):
                return
            time.sleep(0.5)
        raise TimeoutError(f"seeders announced: {have}, wanted {n}")

    def forget_clients(self):
        """Withdraws from the tracker what a killed product left there. Called inside bclient, from the product's own address."""
        for t in self.torrents:
            for ip, port in self.peers(t):
                if ip.startswith("10.8."):
                    try:
                        tracker_get("/announce", info_hash=bytes.fromhex(info_hash(t)), peer_id=b"-BENCH0-000000000000", port=port,
                                    uploaded=0, downloaded=0, left=1, compact=1, event="stopped", numwant=0)
                    except OSError:
                        pass
