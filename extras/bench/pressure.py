"""What a product does when there is less than all want: of the line, or of the disk."""
import random, threading, time
from pathlib import Path

from experiments import begin, biggest, finish
from products import HttpError
from reading import MIB, Player, Source, read_exact
from swarms import SCENARIOS

SAMPLE_SECS = 0.1
# Two of the seeders let a newcomer in only after ten seconds.
GREEDY_LEAD_SECS = 14


def supply_mbit(scenario):
    """What the seeders of a shaped swarm can send together."""
    mode, peers, _ = SCENARIOS[scenario]
    return sum(v[2] for v in peers.values()) / 1000 if mode == "wan" else 1000


def greedy(b, cls, a, rep):
    """Three readers take all they get, from three places of the file; then a player at a bit rate comes to it."""
    rec = {"mbit": a.mbit}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    ended, taken = threading.Event(), [0, 0, 0]
    useful = 0
    try:
        i = biggest(files)
        src = Source(a.torrent, files[i][0])

        def take(k):
            lo = int(src.size * (0.4 + 0.2 * k))
            r = prod.open(i, lo, timeout=a.timeout, agent="curl/8.5.0")
            r.settimeout(0.5)
            mv = memoryview(bytearray(1 << 16))
            while not ended.is_set():
                try:
                    n = r.recv_into(mv)
                except TimeoutError:
                    continue
                if n == 0:
                    break
                if mv[:n] != src.view[lo + taken[k]: lo + taken[k] + n]:
                    rec["error"] = "bytes differ"
                    break
                taken[k] += n
            r.close()
        threads = [threading.Thread(target=take, args=(k,), daemon=True) for k in range(3)]
        for t in threads:
            t.start()
        time.sleep(GREEDY_LEAD_SECS)
        before, t1 = sum(taken), time.perf_counter()
        rec["greedy_alone_mbit"] = before * 8e-6 / GREEDY_LEAD_SECS
        rec["a"] = Player(a.mbit * 1e6 / 8).play(prod, i, src, 0, a.seconds, a.timeout)
        rec["greedy_beside_mbit"] = (sum(taken) - before) * 8e-6 / (time.perf_counter() - t1)
        ended.set()
        for t in threads:
            t.join(5)
        useful = rec["a"]["bytes"] + sum(taken)
    finally:
        ended.set()
        finish(b, prod, samp, cpu0, rx0, useful, rec)
    return rec


def allocated(folder):
    """Bytes of the disk that the files below `folder` take: what a hole would take does not count."""
    total = 0
    for p in Path(folder).rglob("*"):
        try:
            if p.is_file():
                total += p.stat().st_blocks * 512
        except OSError:
            pass
    return total


class DiskSampler:
    """Looks every 100 ms at what lies below a folder."""

    def __init__(self, folder):
        self.folder, self.most, self.samples, self.ended = folder, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self.go, daemon=True)
        self.thread.start()

    def go(self):
        while not self.ended.wait(SAMPLE_SECS):
            self.most = max(self.most, allocated(self.folder))
            self.samples += 1

    def done(self):
        self.ended.set()
        self.thread.join()
        return {"most_allocated_mib": round(self.most / MIB, 1), "samples": self.samples}


def budget(b, cls, a, rep):
    """Plays `--mib` MiB of a 4 GiB file from its beginning, then seeks through it; the disk is looked at all the time."""
    rec = {"budget_mib": a.budget_mib}
    prod, files, samp, cpu0, rx0, t0 = begin(b, cls, a.torrent, rec)
    disk = DiskSampler(prod.dir)
    useful = 0
    try:
        prod.set_budget(a.budget_mib * MIB)
        i = biggest(files)
        src = Source(a.torrent, files[i][0])
        n = min(src.size, a.mib * MIB)
        t1 = time.perf_counter()
        r = prod.open(i, 0, timeout=a.timeout)
        read_exact(r, src, 0, n, timeout=a.timeout * 10)
        r.close()
        rec["mb_s"] = n / (time.perf_counter() - t1) / 1e6
        useful = n
        rng = random.Random(a.seed + rep)
        rec["seeks"] = []
        for _ in range(a.seeks):
            lo, n = int(src.size * rng.uniform(0, 0.98)), 16 * MIB
            t1 = time.perf_counter()
            r = prod.open(i, lo, timeout=a.timeout)
            m = read_exact(r, src, lo, n, [MIB, n], timeout=a.timeout)
            r.close()
            rec["seeks"].append([round(m[MIB] - t1, 3), round(m[n] - t1, 3)])
            useful += n
        time.sleep(2)
    finally:
        rec.update(disk.done())
        rec["over_mib"] = round(rec["most_allocated_mib"] - a.budget_mib, 1)
        finish(b, prod, samp, cpu0, rx0, useful, rec)
    return rec
