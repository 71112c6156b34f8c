"""Commands of the synthetic-person generator.

    python3 -m mhp_train.synth render --data ../shared/data --cache DIR --out DIR --count 8000 --seed 0 --workers 2
    python3 -m mhp_train.synth sheet  --data ../shared/data --cache DIR --out sheet.png --count 48
    python3 -m mhp_train.synth sample --data ../shared/data --cache DIR --out ../testdata/sample
    python3 -m mhp_train.synth export-test --shard FILE.npz --out DIR

`--data` is a folder with `humans/makehuman.tar.xz`, `poses/poses.npz` and `panoramas/` as their READMEs describe.
`--cache` holds what is worked out once: the parsed MakeHuman files, the random bodies, the compiled renderer.
"""
import argparse
import multiprocessing
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from mhp_train import skeleton
from mhp_train.picture import STORED_PX, Generator
from mhp_train.sample import write_samples
from mhp_train.shards import write_shard
from mhp_train.truth import picture_truth, write_truth

SHARD = 1000
GENERATOR_VERSION = 4  # raise it when a seed no longer gives the same picture
_generator = None  # of a worker process


def _start_worker(data, cache, split, bathers):
    global _generator
    cv2.setNumThreads(1)
    _generator = Generator(data, cache, split, bathers=bathers)


def _render_shard(job):
    path, seeds, meta = job
    if not path.exists():
        write_shard(path, [_generator.picture(s) for s in seeds], meta)
    return len(seeds)


def render(args):
    """Renders seeds `seed` .. `seed + count - 1` into shards; those already there are kept."""
    meta = {"generator": "mhp_train.synth", "version": GENERATOR_VERSION, "split": args.split, "bathers": args.bathers, "joint_set": "muco21", "size_px": STORED_PX}
    jobs = []
    for first in range(args.seed, args.seed + args.count, SHARD):
        last = min(first + SHARD, args.seed + args.count)
        kind = "bathers" if args.bathers else "synth"
        jobs.append((Path(args.out) / f"{kind}-{args.split}-{first:08d}.npz", range(first, last), meta))
    _prepare(args)
    start, done = time.monotonic(), 0
    with multiprocessing.Pool(args.workers, _start_worker, (args.data, args.cache, args.split, args.bathers)) as pool:
        for n in pool.imap_unordered(_render_shard, jobs):
            done += n
            rate = done / (time.monotonic() - start)
            print(f"{done}/{args.count} pictures, {rate:.0f} a second, {(args.count - done) / rate:.0f} s left", file=sys.stderr)


def _prepare(args):
    """Fills the cache once, so that the workers do not all do it."""
    Generator(args.data, args.cache, args.split)


def draw_skeleton(rgb, joints_px, visible):
    """A copy with bones and joints: left cyan, right red, dark where hidden, black where outside."""
    joint_set = skeleton.load("muco21")
    out = rgb.copy()
    points = [tuple(int(round(float(c))) for c in p) for p in joints_px]
    for a, b in joint_set.edges:
        cv2.line(out, points[a], points[b], (255, 230, 0), 1, cv2.LINE_AA)
    for name, point, seen in zip(joint_set.joints, points, visible):
        color = {"L": (0, 255, 255), "R": (255, 60, 60)}.get(name[0] if name[1] == "_" else "", (0, 255, 0))
        cv2.circle(out, point, 2, tuple(c * int(seen) // 2 for c in color), -1, cv2.LINE_AA)
    return out


def sheet(args):
    """A contact sheet: every picture plain and with its skeleton."""
    generator = Generator(args.data, args.cache, args.split, bathers=args.bathers)
    tiles = []
    for seed in range(args.seed, args.seed + args.count):
        p = generator.picture(seed, args.size)
        tiles.append(np.concatenate([p.rgb, draw_skeleton(p.rgb, p.joints_px, p.visible)], 1))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % args.columns)
    rows = [np.concatenate(tiles[i : i + args.columns], 1) for i in range(0, len(tiles), args.columns)]
    if not cv2.imwrite(args.out, np.concatenate(rows)[:, :, ::-1]):
        raise OSError(f"{args.out}: could not be written")


def sample(args):
    """The project's sample pictures and their truth (held-out poses, bodies and panoramas)."""
    write_samples(Generator(args.data, args.cache, "test", 0.0), args.out)


def export_test(args):
    """Writes the pictures of one shard as JPEG files with truth.json beside them, for other programs to be run on."""
    out = Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    truth = {}
    with np.load(args.shard) as shard:
        columns = {k: shard[k] for k in shard.files}
    for i, seed in enumerate(columns["seed"]):
        name = f"{seed:08d}.jpg"
        (out / name).write_bytes(columns["jpeg"][columns["offset"][i] : columns["offset"][i + 1]].tobytes())
        truth[name] = picture_truth(
            columns["size_px"][i], columns["camera_px"][i], [(columns["joints_px"][i], columns["joints_mm"][i], columns["visible"][i])]
        )
    write_truth(out / "truth.json", truth)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="mhp_train.synth", description="synthetic people with 3D joints")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("render", render), ("sheet", sheet), ("sample", sample), ("export-test", export_test)):
        p = commands.add_parser(name, help=run.__doc__)
        p.add_argument("--out", required=True)
        p.set_defaults(run=run)
        if name == "export-test":
            p.add_argument("--shard", required=True, help="the .npz file to unpack")
            continue
        p.add_argument("--data", default="../shared/data", help="folder with humans/, poses/ and panoramas/")
        p.add_argument("--cache", required=True, help="folder for parsed files, bodies and the compiled renderer")
        if name == "sample":
            continue
        p.add_argument("--count", type=int, default=48 if name == "sheet" else 1000)
        p.add_argument("--seed", type=int, default=0, help="the first seed")
        p.add_argument("--split", choices=("train", "test"), default="train")
        p.add_argument("--bathers", action="store_true", help="everybody is dressed for bathing: bare chests, shorts, caps")
        if name == "render":
            p.add_argument("--workers", type=int, default=2)
        else:
            p.add_argument("--size", type=int, default=256, help="px of one picture")
            p.add_argument("--columns", type=int, default=4)
    args = parser.parse_args(argv)
    args.run(args)


if __name__ == "__main__":
    main()
