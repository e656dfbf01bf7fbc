"""How the bench reads: exactly and compared with the source, or as a player does."""
import mmap, threading, time

import swarm as S
from products import HttpError

MIB = 1 << 20


class Source:
    """The original bytes of file i of a torrent, for comparison."""
    cache = {}

    def __init__(self, name, path):
        base = S.DATA / S.SRC[name] if name in S.SRC else None
        if base is None:
            base = next(p for p in S.DATA.rglob("*") if p.is_file() and (str(p).endswith("/" + path) or p.name == path))
        if base not in Source.cache:
            f = open(base, "rb")
            Source.cache[base] = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        self.mm = Source.cache[base]
        self.view = memoryview(self.mm)
        self.size = len(self.mm)


BUF = 1 << 18


def read_exact(r, src, lo, n, marks=None, timeout=60, pace=None):
    """Reads n bytes starting at file offset lo, comparing them with the source. Returns the times at which `marks` (byte counts) were reached."""
    mv = memoryview(bytearray(BUF))
    got, out, marks = 0, {}, sorted(marks or [n])
    end = time.perf_counter() + timeout
    r.settimeout(timeout)
    while got < n:
        k = r.recv_into(mv[: min(BUF, n - got)])
        now = time.perf_counter()
        if k == 0:
            raise HttpError(f"ended after {got} of {n}")
        if mv[:k] != src.view[lo + got: lo + got + k]:
            raise HttpError(f"bytes differ at {lo + got}")
        got += k
        while marks and got >= marks[0]:
            out[marks.pop(0)] = now
        if now > end:
            raise TimeoutError(f"{got} of {n} after {timeout} s")
        if pace:
            pace(got)
    return out


class Sampler:
    def __init__(self, prod):
        self.p, self.anon, self.hwm, self.stop_ev = prod, 0, 0, threading.Event()
        self.t = threading.Thread(target=self.go, daemon=True)
        self.t.start()

    def go(self):
        while not self.stop_ev.wait(0.25):
            h, a = self.p.mem()
            self.hwm, self.anon = max(self.hwm, h), max(self.anon, a)

    def done(self):
        self.stop_ev.set()
        self.t.join()
        return {"peak_rss_mb": round(self.hwm / MIB, 1), "peak_anon_mb": round(self.anon / MIB, 1)}


class Player:
    """Reads as a player does: fills `ahead` seconds of buffer, plays when `start` seconds are there, stalls when it runs dry, resumes at `resume`."""

    def __init__(self, rate, start=2.0, ahead=10.0, resume=1.0):
        self.rate, self.start, self.ahead, self.resume = rate, start, ahead, resume

    def play(self, prod, i, src, lo, seconds, timeout):
        n = min(int(seconds * self.rate), src.size - lo)
        t0 = time.perf_counter()
        r = prod.open(i, lo, timeout=timeout)
        mv = memoryview(bytearray(1 << 16))
        got, played, stalls, stalled = 0, 0.0, 0, 0.0
        playing, first, since, last, longest = False, None, t0, t0, 0.0
        end = t0 + timeout + seconds * 3
        while played < n:
            now = time.perf_counter()
            if playing:
                played = min(n, played + (now - last) * self.rate)
                if played >= got and got < n:
                    played, playing, since = got, False, now
                    stalls += 1
            last = now
            if not playing:
                need = self.start if first is None else self.resume
                if got - played >= min(need * self.rate, n - played):
                    playing = True
                    if first is None:
                        first = now - t0
                    else:
                        stalled += now - since
                        longest = max(longest, now - since)
            if now > end:
                raise TimeoutError("player gave up")
            if got < n and got - played < self.ahead * self.rate:
                left = max(0.005, (got - played) / self.rate) if playing else 1.0
                r.settimeout(min(left, 1.0))
                try:
                    k = r.recv_into(mv[: min(len(mv), n - got)])
                    if k == 0:
                        raise HttpError("stream ended")
                    if mv[:k] != src.view[lo + got: lo + got + k]:
                        raise HttpError("bytes differ")
                    got += k
                except (TimeoutError, BlockingIOError):
                    pass
            else:
                time.sleep(0.02)
        r.close()
        if not playing and first is not None:
            stalled += time.perf_counter() - since
        return {"startup": first, "stalls": stalls, "stall_s": round(stalled, 3), "longest_stall": round(longest, 3), "bytes": n}
