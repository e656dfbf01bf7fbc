#!/usr/bin/env python3
"""The streaming bench.   bench.py EXPERIMENT [--products a,b] [--reps N] [--scenario S] ...   (README.md tells how to begin)

  start     cold magnet: file list, first byte, first MiB, head 8 MiB + tail 2 MiB, then seeks
  seq       sequential throughput, CPU s/GiB, memory, bytes written                 --torrent big|big_p256k|big_p16m|movie
  player    a player at a bit rate: start-up, stalls, one seek                      --mbit 8
  two       two viewers of two files of the season at once
  ffmpeg    time to the first decoded frame of a real demuxer and decoder, and after a seek
  greedy    a player beside three readers that take all they get                    --mbit: the player's; default: the supply / 1.2
  budget    a 4 GiB file played and seeked through with a budget for the disk       --budget-mib 400
  oracle    what a block-level scheduler reaches in the same swarm (the practical floor)

Results are appended as JSON lines to $BENCH_DIR/results/EXPERIMENT.jsonl; report.py makes tables of them.
"""
import argparse, json, os, random, signal, statistics, sys, time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import experiments
import pressure
import products
from net import BENCH
from swarms import SCENARIOS, Bench

RESULTS = BENCH / "results"
EXPERIMENTS = {
    "start": experiments.start, "seq": experiments.seq, "player": experiments.player, "two": experiments.two,
    "ffmpeg": experiments.ffmpeg, "greedy": pressure.greedy, "budget": pressure.budget, "oracle": experiments.oracle,
}
TORRENTS = {"two": "season", "budget": "huge"}
SCENARIO = {"greedy": "wan"}


def arguments():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("experiment", choices=EXPERIMENTS)
    ap.add_argument("--products", default="freshet")
    ap.add_argument("--scenario", choices=SCENARIOS)
    ap.add_argument("--torrent")
    ap.add_argument("--reps", type=int, default=5)
    ap.add_argument("--seed", type=int, default=1000, help="of the places of the seeks")
    ap.add_argument("--seeks", type=int, default=10)
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--mbit", type=float)
    ap.add_argument("--budget-mib", type=int, default=400)
    ap.add_argument("--seconds", type=float, default=40)
    ap.add_argument("--timeout", type=float, default=60)
    ap.add_argument("--tag", default="")
    a = ap.parse_args()
    a.torrent = TORRENTS.get(a.experiment) or a.torrent or "movie"
    a.scenario = a.scenario or SCENARIO.get(a.experiment, "lan")
    if a.mbit is None:
        a.mbit = pressure.supply_mbit(a.scenario) / 1.2 if a.experiment == "greedy" else 8
    return a


def one(bench, name, a, rep):
    rec = {"x": a.experiment, "scenario": a.scenario, "torrent": a.torrent, "product": name, "rep": rep, "tag": a.tag,
           "time": time.strftime("%F %T"), "load": os.getloadavg()[0]}
    if a.scenario == "churn":
        bench.churn(True)
    try:
        rec.update(EXPERIMENTS[a.experiment](bench, products.ALL.get(name), a, rep))
    except Exception as e:
        rec["error"] = repr(e)[:300]
        for pid in products.Product.pids(None):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    bench.churn(False)
    return rec


def brief(rec):
    short = {k: (round(v, 3) if isinstance(v, float) else v) for k, v in rec.items() if k not in ("seeks", "x", "time", "tag")}
    seeks = [x for x in rec.get("seeks", []) if x[1] is not None]
    if seeks and rec["x"] == "start":
        short["seek_p50"] = [round(statistics.median(x[k] for x in seeks), 3) for k in (0, 1)]
    return json.dumps(short)


def main():
    a = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    RESULTS.mkdir(exist_ok=True, parents=True)
    bench = Bench(a.scenario, [a.torrent])
    try:
        with open(RESULTS / f"{a.experiment}.jsonl", "a") as out:
            for rep in range(a.reps):
                order = ["oracle"] if a.experiment == "oracle" else a.products.split(",")
                random.Random(rep).shuffle(order)
                for name in order:
                    rec = one(bench, name, a, rep)
                    out.write(json.dumps(rec) + "\n")
                    out.flush()
                    print(brief(rec), flush=True)
                    time.sleep(1)
    finally:
        bench.close()


if __name__ == "__main__":
    main()
