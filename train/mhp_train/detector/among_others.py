"""Real people among others, for the pose network: one person of each picture of `detector.composites`, with the joints of the photograph
that they were cut out of.

    python3 -m mhp_train.detector.among_others --photographs /var/tmp/mhp-data/lspet --relabelled /var/tmp/mhp-data/det-photos \
        --data ../shared/data --out /var/tmp/mhp-data/among-others --count 10000 [--sheet FILE]

LSPET's athletes are alone in their pictures; in everyday photographs somebody stands beside or before one of two people, and their limbs
are taken for each other's.  Joints that others cover keep their labels.  Writes shards as of `mhp_train.shards`; the same options give
the same pictures.
"""
from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from mhp_train import crop, skeleton, store
from .composites import CutOut, Group, Placed, command_line, encoded, group, ingredients
from .dataset import Crowds
from .photos import Backdrops

SHARD = 1000
LEAST_INSIDE = 6  # known joints in the picture; people with fewer are not chosen
LEAST_PX = 45  # of the longer side of their box; smaller ones show no limbs
UPRIGHT = 0.85  # chance that only upright people may be chosen: everyday photographs show few others


def inside(placed: Placed, shape: tuple[int, ...]) -> np.ndarray:
    """bool [21]: known joints that lie in the picture."""
    return placed.known & (placed.joints_px >= 0).all(axis=1) & (placed.joints_px <= [shape[1] - 1, shape[0] - 1]).all(axis=1)


def upright(placed: Placed) -> bool:
    """Whether the head is above the pelvis, and further than aside of it."""
    joints = skeleton.load("muco21")
    along = placed.joints_px[joints.root] - placed.joints_px[joints.index("Head_top")]
    return bool(along[1] > abs(along[0]))


def chosen(rng: np.random.Generator, picture: Group) -> Placed | None:
    """One of those who are large enough and enough in the picture."""
    only_upright = rng.random() < UPRIGHT
    candidates = []
    for placed in picture.placed:
        there = inside(placed, picture.rgb.shape)
        if there.sum() >= LEAST_INSIDE and max(crop.tight_box(placed.joints_px, there)[2:]) >= LEAST_PX and (upright(placed) or not only_upright):
            candidates.append(placed)
    return candidates[int(rng.integers(len(candidates)))] if candidates else None


def person(seed: int, people: list[CutOut], upright_people: list[int], backdrops: Backdrops, folder: Crowds) -> tuple[Group, Placed]:
    """A picture and one of the people in it."""
    rng = np.random.default_rng([seed, 59])
    while True:
        picture = group(rng, people, upright_people, backdrops, folder)
        if placed := chosen(rng, picture):
            return picture, placed


def labels_of(made: list[tuple[Group, Placed]]) -> dict[str, np.ndarray]:
    """Shard labels; visible: by who is seen at the joint's pixel."""
    count, joints = len(made), len(skeleton.load("muco21").joints)
    boxes, visible = [], np.zeros((count, joints), np.uint8)
    for row, (picture, placed) in enumerate(made):
        there = inside(placed, picture.rgb.shape)
        boxes.append(crop.tight_box(placed.joints_px, there))
        x, y = np.round(placed.joints_px[there]).astype(int).T
        visible[row, there] = np.where(picture.owner[y, x] == placed.number, 2, 1)
    return {
        "size_px": np.array([picture.rgb.shape[1::-1] for picture, _ in made], np.int32),
        "joints_px": np.array([placed.joints_px for _, placed in made], np.float32), "visible": visible,
        "weight2d": np.array([placed.known for _, placed in made], np.float32), "box_px": np.array(boxes, np.float32),
        "joints_mm": np.zeros((count, joints, 3), np.float32), "camera_px": np.zeros((count, 4), np.float32),
        "has_depth": np.zeros(count, np.uint8),
    }


def tile(picture: Group, placed: Placed, side_px: int = 160) -> np.ndarray:
    """uint8 BGR [side,side,3]: what the pose network is shown, with the skeleton."""
    box = crop.grown(crop.tight_box(placed.joints_px, inside(placed, picture.rgb.shape)))
    matrix = crop.to_input(crop.image_to_crop(crop.process_bbox(box, *picture.rgb.shape[1::-1])), side_px)
    out = cv2.warpAffine(np.ascontiguousarray(picture.rgb[..., ::-1]), matrix, (side_px, side_px), flags=cv2.INTER_LINEAR)
    joints = skeleton.load("muco21")
    points = [tuple(int(v) for v in p) for p in crop.apply_affine(matrix, placed.joints_px).round()]
    for child, parent in enumerate(joints.parents):
        if parent >= 0 and placed.known[child] and placed.known[parent]:
            name = joints.joints[child]
            colour = {"R_": (60, 60, 255), "L_": (60, 220, 60)}.get(name[:2], (0, 220, 255))
            cv2.line(out, points[child], points[parent], colour, 1, cv2.LINE_AA)
    return out


def main() -> int:
    """Command line."""
    args = command_line(__doc__, 10000, "picture of 80 crops").parse_args()
    cv2.setNumThreads(1)
    sources = ingredients(args)
    args.out.mkdir(parents=True, exist_ok=True)
    tiles: list[np.ndarray] = []
    for first in range(args.seed, args.seed + args.count, SHARD):
        made = [person(seed, *sources) for seed in range(first, min(first + SHARD, args.seed + args.count))]
        store.write(args.out / f"among-{first:08d}.npz", [encoded(picture.rgb).tobytes() for picture, _ in made], labels_of(made),
                    "mhp_train.detector.among_others")
        print(f"{first + len(made) - args.seed} of {args.count} people", file=sys.stderr, flush=True)
        tiles += [tile(*each) for each in made[:80 - len(tiles)]]
    if args.sheet:
        cv2.imwrite(str(args.sheet), cv2.vconcat([cv2.hconcat(tiles[start:start + 10]) for start in range(0, len(tiles) - 9, 10)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
