#!/usr/bin/env python3
"""Markdown tables from results/*.jsonl:  report.py [tag]   Cells are median [min..max] over the runs."""
import json, os, statistics, sys
from collections import defaultdict
from pathlib import Path

BENCH = Path(os.environ.get("BENCH_DIR", Path.home() / ".cache/freshet-bench"))
TAG = sys.argv[1] if len(sys.argv) > 1 else ""
ORDER = ["freshet", "rqbit", "torrserver", "peerflix", "oracle"]


def load(x):
    f = BENCH / "results" / f"{x}.jsonl"
    rs = [json.loads(l) for l in open(f)] if f.exists() else []
    g = defaultdict(lambda: defaultdict(list))
    for r in rs:
        if r.get("tag") == TAG:
            g[(r["scenario"], r["torrent"], r.get("mbit"))][r["product"]].append(r)
    return g


def num(v):
    return f"{v:.0f}" if abs(v) >= 100 else f"{v:.1f}" if abs(v) >= 10 else f"{v:.2f}" if abs(v) >= 0.1 else f"{v:.3f}"


def cell(vals, spread=True):
    v = [x for x in vals if x is not None]
    if not v:
        return "-"
    s = num(statistics.median(v))
    return s + (f" [{num(min(v))}..{num(max(v))}]" if spread and len(v) > 1 else "")


def pct(v, p):
    v = sorted(v)
    return v[min(len(v) - 1, int(p * len(v)))] if v else None


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for r in rows:
        print("| " + " | ".join(r) + " |")
    print()


def rows(g, fn):
    out = []
    for p in sorted(g, key=lambda p: ORDER.index(p) if p in ORDER else 99):
        ok = [r for r in g[p] if "error" not in r]
        bad = len(g[p]) - len(ok)
        out.append([p + (f" ({bad} of {len(g[p])} runs failed)" if bad else ""), str(len(ok))] + (fn(ok) if ok else []))
    return out


for (sc, tor, _), g in load("start").items():
    print(f"### start - {sc}, torrent {tor}\n")
    seeks = {p: [s for r in v for s in r.get("seeks", [])] for p, v in g.items()}

    def fn(ok):
        p = ok[0]["product"]
        s = [x[1] for x in seeks[p] if x[1] is not None]
        f = [x[0] for x in seeks[p] if x[0] is not None]
        lost = len(seeks[p]) - len(s)
        return [cell([r["t_add"] for r in ok]), cell([r["ttfb"] for r in ok]), cell([r["t_1mib"] for r in ok]), cell([r.get("t_ff") for r in ok]), cell([r.get("t_click_ff") for r in ok]),
                f"{num(pct(f, .5))} / {num(pct(s, .5))} / {num(pct(s, .95))} (n={len(s)}" + (f", {lost} timed out)" if lost else ")") if s else "-",
                cell([r["rx"] / r["useful"] for r in ok if r["useful"]], False), cell([r["cpu_s"] for r in ok], False), cell([r["peak_rss_mb"] for r in ok], False) + " / " + cell([r["peak_anon_mb"] for r in ok], False)]
    table(["product", "n", "magnet→files s", "TTFB s", "first MiB s", "head 8 + tail 2 MiB s", "click→head+tail s", "seek: 1st byte p50 / 1 MiB p50 / p95 s", "rx/useful", "CPU s", "peak RSS / anon MB"], rows(g, fn))

for (sc, tor, _), g in load("oracle").items():
    print(f"### oracle (block-level scheduler, not a product) - {sc}, torrent {tor}\n")
    for p, v in g.items():
        s = [x for r in v if "seeks" in r for x in r["seeks"]]
        for k, n in enumerate(["first byte, unverified", "1 MiB, unverified", "first byte, verified", "1 MiB, verified"]):
            c = [x[k] for x in s]
            print(f"- seek {n}: p50 {num(pct(c, .5))} s, p95 {num(pct(c, .95))} s (n={len(c)})")
        print(f"- cold head 1 MiB (peers known, not yet connected): unverified {cell([r['head'][1] for r in v if 'head' in r])} s; rx/useful {cell([r['rx'] / r['useful'] for r in v if 'rx' in r])}\n")

for (sc, tor, _), g in load("seq").items():
    print(f"### seq - {sc}, torrent {tor}\n")
    table(["product", "n", "MB/s", "steady MB/s", "CPU s/GiB", "seeders' CPU s/GiB", "peak RSS / anon MB", "written/read", "second read MB/s", "second read CPU s/GiB", "re-downloaded"],
          rows(g, lambda ok: [cell([r["mb_s"] for r in ok]), cell([r["mb_s_steady"] for r in ok]), cell([r["cpu_s_per_gib"] for r in ok]), cell([r["seed_cpu_s_per_gib"] for r in ok], False),
                              cell([r["peak_rss_mb"] for r in ok], False) + " / " + cell([r["peak_anon_mb"] for r in ok], False), cell([r["written"] / r["useful"] for r in ok], False),
                              cell([r["warm_mb_s"] for r in ok if "warm_mb_s" in r]), cell([r["warm_cpu_s_per_gib"] for r in ok if "warm_mb_s" in r], False), cell([r["warm_rx"] / r["useful"] for r in ok if "warm_rx" in r], False)]))

for (sc, tor, mb), g in load("player").items():
    print(f"### player - {sc}, {mb} Mbit/s, torrent {tor}\n")
    table(["product", "n", "click→playing s", "start-up s", "stalls", "stalled s", "after seek to 60 %: start-up s", "stalls", "stalled s", "rx/useful", "CPU s"],
          rows(g, lambda ok: [cell([r["click_to_play"] for r in ok]), cell([r["a"]["startup"] for r in ok]), cell([r["a"]["stalls"] for r in ok]), cell([r["a"]["stall_s"] for r in ok]),
                              cell([r["b"]["startup"] for r in ok]), cell([r["b"]["stalls"] for r in ok]), cell([r["b"]["stall_s"] for r in ok]), cell([r["rx"] / r["useful"] for r in ok], False), cell([r["cpu_s"] for r in ok], False)]))

for (sc, tor, mb), g in load("two").items():
    print(f"### two viewers, two episodes - {sc}, {mb} Mbit/s each\n")
    def one(ok, t, k):
        return cell([r[t].get(k) for r in ok if t in r])
    table(["product", "n", "A start-up s", "A stalls", "A stalled s", "B start-up s", "B stalls", "B stalled s", "viewers failed"],
          rows(g, lambda ok: [one(ok, "a", "startup"), one(ok, "a", "stalls"), one(ok, "a", "stall_s"), one(ok, "b", "startup"), one(ok, "b", "stalls"), one(ok, "b", "stall_s"),
                              str(sum("err" in r.get(t, {}) for r in ok for t in "ab")) + f" of {2 * len(ok)}"]))

for (sc, tor, _), g in load("ffmpeg").items():
    print(f"### ffmpeg, first decoded frame - {sc}, {tor}\n")
    table(["product", "n", "frame at 0: s", "click→frame s", "frame at 50 %: s"],
          rows(g, lambda ok: [cell([r["frame0"] for r in ok]), cell([r["click_frame0"] for r in ok]), cell([r["frame_seek"] for r in ok])]))

for (sc, tor, mb), g in load("greedy").items():
    print(f"### a player of {mb:.1f} Mbit/s beside three greedy readers - {sc}\n")
    table(["product", "n", "start-up s", "stalls", "stalled s", "the three alone Mbit/s", "beside the player Mbit/s"],
          rows(g, lambda ok: [cell([r["a"]["startup"] for r in ok]), cell([r["a"]["stalls"] for r in ok]), cell([r["a"]["stall_s"] for r in ok]),
                              cell([r["greedy_alone_mbit"] for r in ok]), cell([r["greedy_beside_mbit"] for r in ok])]))

for (sc, tor, _), g in load("budget").items():
    print(f"### budget for the disk - {sc}, {tor}\n")
    table(["product", "n", "budget MiB", "most allocated MiB", "samples", "MB/s", "seek: 1 MiB p50 s"],
          rows(g, lambda ok: [cell([r["budget_mib"] for r in ok]), cell([r["most_allocated_mib"] for r in ok]), cell([r["samples"] for r in ok]),
                              cell([r["mb_s"] for r in ok]), num(pct([s[0] for r in ok for s in r["seeks"]], .5))]))
