"""Pictures of crowds with everybody's visible box, from seeds.

    python3 -m mhp_train.detector.scenes render --data ../shared/data --cache DIR --out DIR --count 8000
    python3 -m mhp_train.detector.scenes sheet  --data ../shared/data --cache DIR --out sheet.png --count 24

Options as in `mhp_train.synth`.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mhp_train.effects import develop, encode, make_grain
from mhp_train.library import Library
from mhp_train.native import Native
from mhp_train.render import photo_background, render_picture
from mhp_train.scene import SPLIT_STREAM
from .crowd import CAST, STREAM, make_cast, make_scene
from .shards import write_shard

LONGEST_PX = 400
CELL_MM = 12.0
SHARD = 500
GENERATOR_VERSION = 3  # raise it when a seed no longer gives the same picture
SMALLEST_PX = 8  # a person seen less high than this is nobody's to find
LEAST_SEEN = 0.18  # of the whole box's area; people less visible are neither wanted nor wrong,
LARGE_PX = 100  # or with a longer side of so much are wanted however little of them that is
LEAST_FILLED = 0.14  # of the seen box: otherwise only slivers show between things


@dataclass
class CrowdPicture:
    """boxes_px float32 [G, 4] (x1, y1, x2, y2; edges: pixel i covers [i, i + 1)), person uint8 [G]: 0 for a region
    to be left out of account; joints_px [G, 21, 2] and seen [G]: the box's share of the whole person's."""

    rgb: np.ndarray
    jpeg: np.ndarray
    boxes_px: np.ndarray
    person: np.ndarray
    joints_px: np.ndarray
    seen: np.ndarray
    seed: int


class CrowdGenerator:
    """Makes pictures of one split; the same seed gives the same bytes. One per process."""

    def __init__(self, data_dir, cache_dir, split, near: bool = False):
        self.library = Library(data_dir, cache_dir, split, CELL_MM)
        self.native = Native(cache_dir)
        self.grain = make_grain()
        self.cast_seed, self.cast = None, None
        self.near = near

    def picture(self, seed: int) -> CrowdPicture:
        """The picture of `seed`."""
        if self.cast_seed != seed // CAST:
            self.cast_seed, self.cast = seed // CAST, make_cast(seed // CAST, self.library, self.native)
        scene = make_scene(seed, self.cast, self.library, LONGEST_PX, self.near)
        rng = np.random.default_rng([seed, SPLIT_STREAM[self.library.split], STREAM, 2])
        camera = scene.camera
        background = None
        if rng.random() < scene.photo_share:
            square = photo_background(rng, self.library, LONGEST_PX, scene.roll_rad())
            top, left = (LONGEST_PX - camera.height_px) // 2, (LONGEST_PX - camera.width_px) // 2
            background = np.ascontiguousarray(square[top:top + camera.height_px, left:left + camera.width_px])
        if not scene.people:
            scene.people, empty = [self.cast.people[0]], True
            scene.people[0].place(0, [0, 0, scene.center_mm[2] - 50_000])  # behind the camera: the renderer wants somebody
        else:
            empty = False
        rgb, _, owner = render_picture(self.native, scene, camera, (0, 0, camera.width_px, camera.height_px), background, self.library)
        rgb = develop(rng, rgb, self.grain)
        people = [] if empty else scene.people
        rows = [row for row in (seen_box(scene, person, number, owner) for number, person in enumerate(people, 1)) if row]
        boxes, person, joints, seen = zip(*rows) if rows else ((), (), (), ())
        return CrowdPicture(
            rgb, encode(rng, rgb), np.array(boxes, np.float32).reshape(-1, 4), np.array(person, np.uint8),
            np.array(joints, np.float32).reshape(-1, 21, 2), np.array(seen, np.float32), seed)


def seen_box(scene, person, number: int, owner: np.ndarray):
    """(box, 1 or 0, joints_px, share seen) of the person whose meshes carry owner `number`; None where nothing shows."""
    rows, columns = (np.flatnonzero((owner == number).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
    points = scene.to_camera(np.concatenate([m.world_mm for m in person.meshes]))
    points = scene.camera.project(points[points[:, 2] > 200])
    low, high = points.min(0), points.max(0)
    share = float(np.prod(box[2:] - box[:2]) / max(np.prod(high - low), 1.0))
    pixels = int((owner == number).sum())
    enough = share >= LEAST_SEEN or max(box[2] - box[0], box[3] - box[1]) >= LARGE_PX
    wanted = enough and box[3] - box[1] >= SMALLEST_PX and pixels >= max(30, LEAST_FILLED * np.prod(box[2:] - box[:2]))
    joints = scene.to_camera(person.joints_mm)
    joints[:, 2] = np.maximum(joints[:, 2], 1.0)
    return box, int(wanted), scene.camera.project(joints), share


def render(args) -> None:
    """Renders seeds `seed` .. `seed + count - 1` into shards; those already there are kept."""
    generator = CrowdGenerator(args.data, args.cache, args.split, args.near)
    meta = json.dumps({"generator": "mhp_train.detector.scenes", "version": GENERATOR_VERSION, "split": args.split})
    start, done = time.monotonic(), 0
    for first in range(args.seed, args.seed + args.count, SHARD):
        path = Path(args.out) / f"crowd-{args.split}-{first:08d}.npz"
        seeds = range(first, min(first + SHARD, args.seed + args.count))
        if path.exists():
            continue
        pictures = [generator.picture(seed) for seed in seeds]
        write_shard(path, [p.jpeg for p in pictures], [p.rgb.shape[1::-1] for p in pictures], [p.boxes_px for p in pictures],
                    [p.person for p in pictures], meta)
        done += len(pictures)
        print(f"{path.name}: {done / (time.monotonic() - start):.1f} pictures a second", file=sys.stderr, flush=True)


def sheet(args) -> None:
    """A contact sheet with the boxes: yellow wanted, blue left out of account."""
    generator = CrowdGenerator(args.data, args.cache, args.split, args.near)
    tiles = []
    for seed in range(args.seed, args.seed + args.count):
        picture = generator.picture(seed)
        tile = np.zeros((LONGEST_PX, LONGEST_PX, 3), np.uint8)
        tile[:picture.rgb.shape[0], :picture.rgb.shape[1]] = picture.rgb
        for (x1, y1, x2, y2), person in zip(picture.boxes_px.astype(int).tolist(), picture.person):
            cv2.rectangle(tile, (x1, y1), (x2 - 1, y2 - 1), (255, 230, 0) if person else (60, 120, 255), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % args.columns)
    rows = [np.concatenate(tiles[i:i + args.columns], 1) for i in range(0, len(tiles), args.columns)]
    if not cv2.imwrite(args.out, np.concatenate(rows)[:, :, ::-1]):
        raise OSError(f"{args.out}: could not be written")


def main(argv=None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, run in (("render", render), ("sheet", sheet)):
        p = commands.add_parser(name, help=run.__doc__)
        p.add_argument("--out", required=True)
        p.add_argument("--data", default="../shared/data", help="folder with humans/, poses/ and panoramas/")
        p.add_argument("--cache", required=True, help="folder for parsed files, bodies and the compiled renderer")
        p.add_argument("--count", type=int, default=24 if name == "sheet" else 1000)
        p.add_argument("--seed", type=int, default=0, help="the first seed")
        p.add_argument("--split", choices=("train", "test"), default="train")
        p.add_argument("--near", action="store_true", help="somebody stands right before the camera, cut by the picture's border")
        p.add_argument("--columns", type=int, default=6, help="of the sheet")
        p.set_defaults(run=run)
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    args.run(args)


if __name__ == "__main__":
    main()
