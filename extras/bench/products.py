"""The products under test, each driven the way its user would drive it, from a fresh state directory.

A product gets: spawn() (daemons only: until its control port answers), add(name) -> [(path, size)] (magnet until the
file can be requested), open(i, lo, hi) -> reader, stop(). Add your own product by subclassing HttpProduct.
"""
import json, os, re, shutil, signal, socket, subprocess, time, urllib.parse
from pathlib import Path
from net import BENCH
from swarm import cgroup, info, info_hash, magnet

TOOLS = BENCH / "tools"
NODE = os.environ.get("NODE", "node")


class HttpError(Exception):
    pass


class HttpReader:
    """One GET on its own connection; t0 is taken before connect()."""

    def __init__(self, host, port, path, headers=(), method="GET", timeout=60):
        self.t0 = time.perf_counter()
        self.deadline = self.t0 + timeout
        self.s = socket.create_connection((host, port), timeout)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.s.settimeout(timeout)
        h = "".join(f"{k}: {v}\r\n" for k, v in headers)
        self.s.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{h}\r\n".encode())
        b = b""
        while b"\r\n\r\n" not in b:
            c = self.s.recv(65536)
            if not c:
                raise HttpError("closed before headers: " + repr(b[:80]))
            b += c
        head, self.rest = b.split(b"\r\n\r\n", 1)
        self.t_head = time.perf_counter()
        lines = head.decode("latin1").split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {}
        for l in lines[1:]:
            k, v = l.split(":", 1)
            self.headers[k.strip().lower()] = v.strip()
        self.length = int(self.headers["content-length"]) if "content-length" in self.headers else None
        self.chunked = "chunked" in self.headers.get("transfer-encoding", "")

    def recv_into(self, mv):
        if self.rest:
            n = min(len(mv), len(self.rest))
            mv[:n] = self.rest[:n]
            self.rest = self.rest[n:]
            return n
        return self.s.recv_into(mv)

    def settimeout(self, t):
        self.s.settimeout(t)

    def close(self):
        self.s.close()


class Product:
    name = "?"
    cli = False  # True: the process starts with the torrent, so its start-up is inside t_add

    def __init__(self, client_ip, peers=()):
        """`peers`: addresses that the magnet has to name, where no tracker tells them."""
        self.peers = peers
        self.dir = BENCH / "run" / f"prod-{self.name}"
        shutil.rmtree(self.dir, ignore_errors=True)
        self.out = self.dir / "out"
        self.out.mkdir(parents=True)
        self.client_ip = client_ip
        self.p = None

    def popen(self, cmd, **env):
        log = open(self.dir / "log", "ab")
        e = dict(os.environ, HOME=str(self.dir), XDG_CONFIG_HOME=str(self.dir), XDG_DATA_HOME=str(self.dir), XDG_CACHE_HOME=str(self.dir), TMPDIR=str(self.dir), **env)
        self.p = subprocess.Popen([str(c) for c in cmd], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.dir, env=e, preexec_fn=cgroup("prod"))

    def spawn(self):
        pass

    def magnet(self, name):
        return magnet(name, self.peers)

    def set_budget(self, budget_bytes):
        raise HttpError("no budget for the disk")

    def poll_http(self, port, path, ok=lambda r, b: r.status == 200, timeout=90, every=0.01):
        end = time.time() + timeout
        last = None
        while time.time() < end:
            if self.p.poll() is not None:
                raise RuntimeError(f"{self.name} exited {self.p.returncode}")
            try:
                r = HttpReader("127.0.0.1", port, path, [("Connection", "close")], timeout=10)
                b = bytearray(r.rest)
                while (r.length is None or len(b) < r.length):
                    c = r.s.recv(65536)
                    if not c:
                        break
                    b += c
                r.close()
                last = (r.status, bytes(b[:200]))
                if ok(r, b):
                    return bytes(b)
            except (OSError, HttpError) as e:
                last = e
            time.sleep(every)
        raise TimeoutError(f"{self.name} {path}: {last}")

    def pids(self):
        try:
            return [int(x) for x in Path("/sys/fs/cgroup/cpuacct/bench/prod/cgroup.procs").read_text().split()]
        except OSError:
            return []

    def mem(self):
        """(peak RSS summed over the processes, anonymous RSS now), bytes."""
        hwm = anon = 0
        for p in self.pids():
            try:
                t = Path(f"/proc/{p}/status").read_text()
                hwm += int(re.search(r"VmHWM:\s+(\d+)", t)[1]) << 10
                anon += int(re.search(r"RssAnon:\s+(\d+)", t)[1]) << 10
            except (OSError, TypeError):
                pass
        return hwm, anon

    def written(self):
        n = 0
        for p in self.pids():
            try:
                n += int(re.search(r"^write_bytes: (\d+)", Path(f"/proc/{p}/io").read_text(), re.M)[1])
            except (OSError, TypeError):
                pass
        return n

    def stop(self):
        """Ends the product, and all that it has left running."""
        if self.p and self.p.poll() is None:
            self.p.terminate()
            try:
                self.p.wait(3)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        shutil.rmtree(self.dir / "out", ignore_errors=True)


class HttpProduct(Product):
    port = 0

    def target(self, i):
        """(port, path) of file i."""
        raise NotImplementedError

    def open(self, i, lo=0, hi=None, timeout=60, agent="bench"):
        port, path = self.target(i)
        rng = f"bytes={lo}-{'' if hi is None else hi}"
        return HttpReader("127.0.0.1", port, path, [("Range", rng), ("User-Agent", agent)], timeout=timeout)


class Rqbit(HttpProduct):
    name = "rqbit"
    port = 3030

    def spawn(self):
        self.popen([TOOLS / "rqbit/bin/rqbit", "--disable-dht", "--disable-upnp-port-forward", "--disable-lsd", "--listen-ip", "0.0.0.0",
                    "--http-api-listen-addr", f"127.0.0.1:{self.port}", "server", "start", "--disable-persistence", self.out])
        self.poll_http(self.port, "/torrents")

    def add(self, name):
        m = self.magnet(name).encode()
        s = socket.create_connection(("127.0.0.1", self.port), 120)
        s.sendall(f"POST /torrents?overwrite=true HTTP/1.1\r\nHost: x\r\nContent-Length: {len(m)}\r\nConnection: close\r\n\r\n".encode() + m)
        b = b""
        while True:
            c = s.recv(65536)
            if not c:
                break
            b += c
        self.t_meta = time.perf_counter()
        j = json.loads(b.split(b"\r\n\r\n", 1)[1])
        self.id = j["id"]
        self.poll_http(self.port, f"/torrents/{self.id}/stats/v1", ok=lambda r, b: b'"state":"live"' in b.replace(b" ", b""))
        return [("/".join(f["components"]) if "components" in f else f["name"], f["length"]) for f in j["details"]["files"]]

    def target(self, i):
        return self.port, f"/torrents/{self.id}/stream/{i}"


class Peerflix(HttpProduct):
    name, cli, port = "peerflix", True, 8888

    def add(self, name):
        # torrent-stream caches metadata in the system's temporary folder whatever TMPDIR says, and then starts without the magnet's trackers
        shutil.rmtree(Path(os.sep) / "tmp" / "torrent-stream", ignore_errors=True)
        self.popen([NODE, TOOLS / "node_modules/peerflix/app.js", self.magnet(name), "-p", self.port, "-q", "-f", self.out, "--no-quit"])
        b = self.poll_http(self.port, "/.json", every=0.02)
        self.t_meta = time.perf_counter()
        return [(f["name"], f["length"]) for f in json.loads(b)["files"]]

    def target(self, i):
        return self.port, f"/{i}"


class TorrServer(HttpProduct):
    """A TorrServer engine binary at $BENCH_DIR/tools/torrserver-engine, where there is one."""
    name, port = "torrserver", 8090

    def spawn(self):
        self.popen([TOOLS / "torrserver-engine", "-port", self.port, "-path", self.dir])
        self.poll_http(self.port, "/echo")

    def add(self, name):
        self.hash = info_hash(name)
        b = self.poll_http(self.port, "/add?link=" + urllib.parse.quote(self.magnet(name), safe=""), timeout=120)
        self.t_meta = time.perf_counter()
        j = json.loads(b)
        self.ids = [f["id"] for f in j["file_stats"]]
        return [(f["path"], f["length"]) for f in j["file_stats"]]

    def target(self, i):
        return self.port, f"/play/{self.hash}/{self.ids[i]}"


class Freshet(HttpProduct):
    """freshetd through TorrServer's API. FRESHETD names the program (default: freshetd on the PATH)."""
    name, port = "freshet", 8190

    def spawn(self):
        exe = os.environ.get("FRESHETD", "freshetd")
        self.popen([exe, "--port", self.port, "--path", self.dir / "data", "--no-dht", "--allow-private-networks"])
        self.poll_http(self.port, "/echo")

    def set_budget(self, budget_bytes):
        self.post({"disk_budget_bytes": budget_bytes}, "/rpc/settings_update")

    def post(self, body, path="/torrents"):
        b = json.dumps(body).encode()
        s = socket.create_connection(("127.0.0.1", self.port), 120)
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\nX-Freshet: 1\r\nContent-Length: {len(b)}\r\nConnection: close\r\n\r\n".encode() + b)
        out = b""
        while True:
            c = s.recv(65536)
            if not c:
                break
            out += c
        head, _, body = out.partition(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0] + b" ":
            raise HttpError(repr(head[:80]))
        return json.loads(body) if body else None

    def add(self, name):
        self.hash = info_hash(name)
        self.post({"action": "add", "link": self.magnet(name), "save_to_db": False})
        end = time.time() + 120
        while time.time() < end:
            t = self.post({"action": "get", "hash": self.hash})
            if t.get("file_stats"):
                break
            time.sleep(0.01)
        else:
            raise TimeoutError("no file list")
        self.t_meta = time.perf_counter()
        self.ids = [f["id"] for f in t["file_stats"]]
        return [(f["path"], f["length"]) for f in t["file_stats"]]

    def target(self, i):
        return self.port, f"/stream/x?link={self.hash}&index={self.ids[i]}&play"


ALL = {c.name: c for c in (Freshet, Rqbit, Peerflix, TorrServer)}
