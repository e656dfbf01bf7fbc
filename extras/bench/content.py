#!/usr/bin/env python3
"""Makes the bench's content and torrents under BENCH_DIR/data (default ~/.cache/freshet-bench/data). Idempotent.

  movie.mkv     ~1 GiB, H.264 + AAC stereo + AC-3 5.1 + 2 SRT tracks, ~8.3 Mbit/s, cues at the end
  movie.mp4     the same streams, moov atom at the end (not "fast start"): the worst case for a player
  big.bin       2 GiB of AES-CTR bytes (never compressible, never sparse)
  huge.bin      4 GiB of the same kind
  Show S01 …/   10 episodes of ~120 MiB + 10 .srt, non-ASCII names, file borders inside pieces
Torrents: movie (1 MiB pieces), movie_p4m (4 MiB), mp4 (1 MiB), big (2 MiB), big_p256k, big_p16m, huge (2 MiB), season (1 MiB).
"""
import os, subprocess, sys
from pathlib import Path

BENCH = Path(os.environ.get("BENCH_DIR", Path.home() / ".cache/freshet-bench"))
DATA = BENCH / "data"
TORRENTS = BENCH / "torrents"
TRACKER = "http://10.7.0.250:6969/announce"
GIB = 1 << 30


def sh(cmd, **kw):
    print("+", cmd if isinstance(cmd, str) else " ".join(map(str, cmd)), flush=True)
    subprocess.run(cmd, shell=isinstance(cmd, str), check=True, **kw)


def random_file(path: Path, size: int, key: int):
    if path.exists() and path.stat().st_size == size:
        return
    sh(f"head -c {size} /dev/zero | openssl enc -aes-128-ctr -nosalt -K {key:032x} -iv {0:032x} > '{path}'")


def srt(path: Path, title: str, lines: int = 900):
    if path.exists():
        return
    def ts(s):
        return f"{s//3600:02d}:{s//60%60:02d}:{s%60:02d},000"
    path.write_text("".join(
        f"{i+1}\n{ts(i*4)} --> {ts(i*4+3)}\n{title}: реплика {i+1} — subtitle line {i+1}\n\n" for i in range(lines)), "utf-8")


def movie():
    mkv, mp4 = DATA / "movie.mkv", DATA / "movie.mp4"
    if mkv.exists() and mp4.exists():
        return
    seg = DATA / "seg.mkv"
    en, ru = DATA / "en.srt", DATA / "ru.srt"
    srt(en, "English"), srt(ru, "Русский")
    q = ["ffmpeg", "-v", "error", "-y"]
    if not seg.exists():
        # 60 s of moving test picture with strong noise, so that x264 really spends 8 Mbit/s
        sh(q + ["-f", "lavfi", "-i", "testsrc2=s=1280x720:r=24,noise=alls=40:allf=t", "-f", "lavfi", "-i",
                "anoisesrc=r=48000:a=0.2,aformat=channel_layouts=stereo", "-t", "60", "-c:v", "libx264", "-preset",
                "ultrafast", "-pix_fmt", "yuv420p", "-g", "48", "-b:v", "7500k", "-minrate", "7500k", "-maxrate", "7500k", "-bufsize", "7500k",
                "-c:a", "aac", "-b:a", "192k", str(seg)])
    seconds = int(GIB * 8 / (seg.stat().st_size * 8 / 60 + 448000))
    sh(q + ["-stream_loop", "-1", "-i", seg, "-f", "lavfi", "-i", "anoisesrc=r=48000:a=0.1,aformat=channel_layouts=5.1",
            "-i", en, "-i", ru, "-t", str(seconds), "-map", "0:v", "-map", "0:a", "-map", "1:a", "-map", "2", "-map", "3",
            "-c:v", "copy", "-c:a:0", "copy", "-c:a:1", "ac3", "-b:a:1", "448k", "-c:s", "srt",
            "-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=rus", mkv])
    sh(q + ["-i", mkv, "-map", "0:v", "-map", "0:a", "-c", "copy", mp4])


def season():
    d = DATA / "Show S01 – Сезон 1 [1080p]"
    d.mkdir(exist_ok=True)
    (d / "Subs").mkdir(exist_ok=True)
    for i in range(1, 11):
        random_file(d / f"Show.S01E{i:02d} – Серия {i}.mkv", 120 * (1 << 20) + i * 123457, 1000 + i)
        srt(d / "Subs" / f"Show.S01E{i:02d}.srt", f"E{i:02d}")
    return d


def torrent(name, source: Path, piece):
    import libtorrent as lt
    out = TORRENTS / f"{name}.torrent"
    if out.exists():
        return
    fs = lt.list_files(str(source)) if hasattr(lt, "list_files") else None
    if fs:
        ct = lt.create_torrent(fs, piece, lt.create_torrent.v1_only)
    else:
        st = lt.file_storage()
        lt.add_files(st, str(source))
        ct = lt.create_torrent(st, piece, lt.create_torrent.v1_only)
    ct.add_tracker(TRACKER)
    lt.set_piece_hashes(ct, str(source.parent))
    out.write_bytes(lt.bencode(ct.generate()))
    ti = lt.torrent_info(str(out))
    print(out.name, ti.info_hash(), ti.num_pieces(), "pieces of", ti.piece_length())


def main():
    DATA.mkdir(parents=True, exist_ok=True)
    TORRENTS.mkdir(parents=True, exist_ok=True)
    movie()
    random_file(DATA / "big.bin", 2 * GIB, 1)
    random_file(DATA / "huge.bin", 4 * GIB, 2)
    s = season()
    K, M = 1 << 10, 1 << 20
    torrent("movie", DATA / "movie.mkv", M)
    torrent("movie_p4m", DATA / "movie.mkv", 4 * M)
    torrent("mp4", DATA / "movie.mp4", M)
    torrent("big", DATA / "big.bin", 2 * M)
    torrent("big_p256k", DATA / "big.bin", 256 * K)
    torrent("big_p16m", DATA / "big.bin", 16 * M)
    torrent("huge", DATA / "huge.bin", 2 * M)
    torrent("season", s, M)


if __name__ == "__main__":
    main()
