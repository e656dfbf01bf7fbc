"""What is measured. Each experiment gets the swarm, the class of the product, the arguments and the number of the run, and gives a record."""
import random, subprocess, threading, time

import swarm as S
from products import HttpError
from reading import MIB, Player, Sampler, Source, read_exact


def biggest(files):
    return max(range(len(files)), key=lambda i: files[i][1])


def begin(b, cls, name, rec):
    """spawn + add; fills t_spawn, t_add."""
    prod = b.fresh(cls)
    cpu0, rx0 = S.cpu_ns("prod"), b.net.rx_bytes()[0]
    t = time.perf_counter()
    prod.spawn()
    rec["t_spawn"] = time.perf_counter() - t
    samp = Sampler(prod)
    t0 = time.perf_counter()
    files = prod.add(name)
    rec["t_meta"] = prod.t_meta - t0
    rec["t_add"] = time.perf_counter() - t0
    return prod, files, samp, cpu0, rx0, t0


def finish(b, prod, samp, cpu0, rx0, useful, rec):
    rec["written"] = prod.written()
    rec.update(samp.done())
    rec["cpu_s"] = (S.cpu_ns("prod") - cpu0) / 1e9
    rec["rx"] = b.net.rx_bytes()[0] - rx0
    rec["useful"] = useful
    prod.stop()


def start(b, cls, a, rep):
    rec = {}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    useful = 0
    try:
        i = biggest(files)
        src = Source(a.torrent, files[i][0])
        res = {}

        def tail():
            try:
                r = prod.open(i, src.size - 2 * MIB, src.size - 1, timeout=a.timeout)
                read_exact(r, src, src.size - 2 * MIB, 2 * MIB, timeout=a.timeout)
                res["tail"] = time.perf_counter()
                r.close()
            except Exception as e:
                res["tail_err"] = repr(e)
        t1 = time.perf_counter()
        th = threading.Thread(target=tail, daemon=True)
        r = prod.open(i, 0, timeout=a.timeout)
        th.start()
        m = read_exact(r, src, 0, 8 * MIB, [1, MIB, 8 * MIB], timeout=a.timeout)
        rec["ttfb"], rec["t_1mib"], rec["t_head8"] = (m[k] - t1 for k in (1, MIB, 8 * MIB))
        th.join(a.timeout)
        r.close()
        if "tail" in res:
            rec["t_tail2"] = res["tail"] - t1
            rec["t_ff"] = max(rec["t_head8"], rec["t_tail2"])
            rec["t_click_ff"] = rec["t_ff"] + (t1 - t0)
        else:
            rec["err_tail"] = res.get("tail_err", "timeout")
        rec["t_click_1mib"] = m[MIB] - t0
        useful += 10 * MIB
        rng = random.Random(a.seed + rep)
        offs = [0.5, 0.9] + [rng.uniform(0.1, 0.95) for _ in range(a.seeks - 2)]
        rec["seeks"] = []
        for o in offs:
            lo = int(src.size * o)
            try:
                r = prod.open(i, lo, timeout=a.timeout)
                m = read_exact(r, src, lo, MIB, [1, MIB], timeout=a.timeout)
                rec["seeks"].append([round(m[1] - r.t0, 4), round(m[MIB] - r.t0, 4)])
                useful += MIB
                r.close()
            except (OSError, HttpError, TimeoutError) as e:
                rec["seeks"].append([None, None])
                rec.setdefault("seek_err", []).append(repr(e)[:120])
            time.sleep(0.5)
    finally:
        finish(b, prod, samp, cpu0, rx0, useful, rec)
    return rec


def seq(b, cls, a, rep):
    rec = {}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    got = 0
    try:
        i = biggest(files)
        src = Source(a.torrent, files[i][0])
        n = min(src.size, a.mib * MIB)
        cpu1 = S.cpu_ns("prod")
        seed0 = S.cpu_ns("seed")
        t1 = time.perf_counter()
        r = prod.open(i, 0, timeout=a.timeout)
        marks = [1] + [k * 16 * MIB for k in range(1, n // (16 * MIB) + 1)] + [n]
        m = read_exact(r, src, 0, n, marks, timeout=a.timeout)
        r.close()
        got = n
        t = m[n] - t1
        rec["mb_s"] = n / t / 1e6
        rec["mb_s_steady"] = (n - 64 * MIB) / (m[n] - m[64 * MIB]) / 1e6
        rec["cpu_s_per_gib"] = (S.cpu_ns("prod") - cpu1) / 1e9 / (n / (1 << 30))
        rec["seed_cpu_s_per_gib"] = (S.cpu_ns("seed") - seed0) / 1e9 / (n / (1 << 30))
        rec["ttfb"] = m[1] - t1
        # once more: everything is on disk (or, for a RAM-cached product, gone again)
        time.sleep(1)
        cpu2, rx2, t2 = S.cpu_ns("prod"), b.net.rx_bytes()[0], time.perf_counter()
        r = prod.open(i, 0, timeout=a.timeout)
        m = read_exact(r, src, 0, n, [n], timeout=a.timeout)
        r.close()
        rec["warm_mb_s"] = n / (m[n] - t2) / 1e6
        rec["warm_cpu_s_per_gib"] = (S.cpu_ns("prod") - cpu2) / 1e9 / (n / (1 << 30))
        rec["warm_rx"] = b.net.rx_bytes()[0] - rx2
    finally:
        finish(b, prod, samp, cpu0, rx0, got, rec)
    return rec


def player(b, cls, a, rep):
    rec = {"mbit": a.mbit}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    useful = 0
    try:
        i = biggest(files)
        src = Source(a.torrent, files[i][0])
        pl = Player(a.mbit * 1e6 / 8)
        rec["a"] = pl.play(prod, i, src, 0, a.seconds, a.timeout)
        rec["click_to_play"] = rec["a"]["startup"] + rec["t_add"]
        rec["b"] = pl.play(prod, i, src, int(src.size * 0.6), a.seconds / 2, a.timeout)
        useful = rec["a"]["bytes"] + rec["b"]["bytes"]
    finally:
        finish(b, prod, samp, cpu0, rx0, useful, rec)
    return rec


def two(b, cls, a, rep):
    """Two viewers, two episodes, each at a.mbit; peerflix/webtorrent/btfs included as they are."""
    rec = {"mbit": a.mbit}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, "season", rec)
    useful = 0
    try:
        eps = sorted([i for i in range(len(files)) if files[i][0].endswith(".mkv")], key=lambda i: files[i][0])
        out = {}

        def view(tag, i):
            try:
                src = Source("season", files[i][0].split("/")[-1])
                out[tag] = Player(a.mbit * 1e6 / 8).play(prod, i, src, 0, a.seconds, a.timeout)
            except Exception as e:
                out[tag] = {"err": repr(e)[:150]}
        ts = [threading.Thread(target=view, args=(t, eps[k])) for t, k in (("a", 0), ("b", 5))]
        for t in ts:
            t.start()
        for t in ts:
            t.join()
        rec.update(out)
        useful = sum(o.get("bytes", 0) for o in out.values())
    finally:
        finish(b, prod, samp, cpu0, rx0, useful, rec)
    return rec


def ffmpeg(b, cls, a, rep):
    """A real demuxer and decoder: time until ffmpeg has decoded one video frame at 0 and at 50 %."""
    rec = {}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    try:
        i = biggest(files)
        port, path = prod.target(i)
        url = f"http://127.0.0.1:{port}{path}"

        def frame(ss):
            t = time.perf_counter()
            r = subprocess.run(["ffmpeg", "-v", "error", *(["-ss", str(ss)] if ss else []), "-i", url, "-map", "0:v:0", "-frames:v", "1", "-f", "null", "-"],
                               capture_output=True, timeout=a.timeout)
            if r.returncode:
                raise HttpError(r.stderr.decode()[-200:])
            return time.perf_counter() - t
        rec["frame0"] = frame(0)
        rec["click_frame0"] = rec["frame0"] + rec["t_add"]
        rec["frame_seek"] = frame(540)
    finally:
        finish(b, prod, samp, cpu0, rx0, 0, rec)
    return rec


def oracle(b, cls, a, rep):
    """Not a product: the block-level scheduler of oracle.py, as the practical floor for seeks in this swarm."""
    import oracle
    b.swarm.forget_clients()
    b.net.new_client()
    time.sleep(0.5)
    rx0 = b.net.rx_bytes()[0]
    r = oracle.run(str(S.TORRENTS / f"{a.torrent}.torrent"), [p for p in b.swarm.peers(a.torrent) if p[0].startswith("10.7.")], a.seeks, rep)
    r["rx"] = b.net.rx_bytes()[0] - rx0
    r["useful"] = (a.seeks + 1) * MIB
    return r
