"""Crops that nobody is in, for the pose network: where the detector wrongly sees somebody, and other places.

    python3 -m mhp_train.detector.false_alarms --model models/mhp-detector.onnx --relabelled /var/tmp/mhp-data/det-photos \
        --data ../shared/data --out /var/tmp/mhp-data/nobody --count 12000 [--sheet FILE]

A network that is only shown people finds one in every crop. Of crops without anybody it learns to be sure of nothing, so that the score of
the joints tells people from what the detector took for them. Three of four pictures are backdrops, boxed where the detector fires,
else at random; the others are LSPET's photographs, boxed where the crop shows nobody that a label or the detector knows of.
Writes shards as of `mhp_train.shards`, all joints far outside the picture; the same options give the same pictures.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from mhp_train import crop, skeleton, store
from .boxes import overlaps
from .dataset import Crowds, Empty
from .evaluate import Predictor, found, onnx_predictor

SHARD = 1000
JPEG_QUALITY = 92
LEAST_SCORE = 0.06  # of a false alarm: people with scores hardly higher are to be told from them
AT_RANDOM = 0.2  # chance of keeping a backdrop on which the detector is right
LEAST_PX, TALLEST = 56, 1.0  # boxes' heights: in px, and part of the picture's; smaller ones would be told from people by their blur
LEAST_SHARE = 0.35  # of a backdrop's sides, that a view shows
TRIES = 12  # of finding room in a photograph
FAR_PX = -1e6


def random_box(rng: np.random.Generator, width: int, height: int) -> np.ndarray | None:
    """(x1, y1, x2, y2) of a person's proportions; None where the picture is too low."""
    if height < LEAST_PX:
        return None
    tall = np.exp(rng.uniform(np.log(LEAST_PX), np.log(max(TALLEST * height, LEAST_PX + 1))))
    wide = min(tall * np.exp(rng.uniform(np.log(0.3), np.log(1.1))), width)
    x, y = rng.uniform(0, width - wide), rng.uniform(0, height - tall)
    return np.array([x, y, x + wide, y + tall])


def of_backdrop(rng: np.random.Generator, backdrops: Empty, predictor: Predictor) -> tuple[np.ndarray, np.ndarray]:
    """(rgb, box) of a picture without people; the detector sees a part of it."""
    while True:
        rgb = backdrops.draw(rng).rgb
        span = np.round(np.array(rgb.shape[1::-1]) * rng.uniform(LEAST_SHARE, 1.0)).astype(int)
        x, y = start = rng.integers(np.array(rgb.shape[1::-1]) - span + 1)
        part = np.ascontiguousarray(rgb[y:y + span[1], x:x + span[0]])
        boxes, scores = found(part, predictor, 0.5)
        alarms = boxes[(scores >= LEAST_SCORE) & (boxes[:, 3] - boxes[:, 1] >= LEAST_PX)]
        if len(alarms):
            return rgb, alarms[int(rng.integers(len(alarms)))] + np.tile(start, 2)
        box = random_box(rng, *rgb.shape[1::-1]) if rng.random() < AT_RANDOM else None
        if box is not None:
            return rgb, box


def of_photograph(rng: np.random.Generator, photographs: Crowds) -> tuple[np.ndarray, np.ndarray]:
    """(rgb, box) of a place without people in a photograph with some."""
    while True:
        picture = photographs.draw(rng)
        for _ in range(TRIES):
            box = random_box(rng, *picture.rgb.shape[1::-1])
            if box is not None and overlaps(cropped(box, *picture.rgb.shape[1::-1])[None], picture.boxes).max(initial=0) == 0:
                return picture.rgb, box


def cropped(box: np.ndarray, width: int, height: int) -> np.ndarray:
    """(x1, y1, x2, y2) of what the pose network sees of a box."""
    x, y, side, _ = crop.process_bbox(extent(box), width, height)
    return np.array([x, y, x + side, y + side])


def extent(box: np.ndarray) -> np.ndarray:
    """(x, y, w, h) of (x1, y1, x2, y2)."""
    return np.concatenate([box[:2], box[2:] - box[:2]])


def labels_of(rgbs: list[np.ndarray], boxes: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Shard labels of crops that nobody is in; their boxes are taken as found, not as those of joints."""
    count, joints = len(rgbs), len(skeleton.load("muco21").joints)
    tight = [crop.grown(extent(box), 1 / crop.GIVEN_BOX_GROWTH) for box in boxes]
    return {
        "size_px": np.array([rgb.shape[1::-1] for rgb in rgbs], np.int32), "joints_px": np.full((count, joints, 2), FAR_PX, np.float32),
        "weight2d": np.ones((count, joints), np.float32), "box_px": np.array(tight, np.float32),
        "joints_mm": np.zeros((count, joints, 3), np.float32), "visible": np.zeros((count, joints), np.uint8),
        "camera_px": np.zeros((count, 4), np.float32), "has_depth": np.zeros(count, np.uint8),
    }


def tile(rgb: np.ndarray, box: np.ndarray, side_px: int = 128) -> np.ndarray:
    """uint8 BGR [side,side,3]: what the pose network is shown."""
    square = crop.process_bbox(extent(box), *rgb.shape[1::-1])
    matrix = crop.to_input(crop.image_to_crop(square), side_px)
    return cv2.warpAffine(np.ascontiguousarray(rgb[..., ::-1]), matrix, (side_px, side_px), flags=cv2.INTER_LINEAR)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="ONNX file of the detector")
    parser.add_argument("--relabelled", type=Path, required=True, help="the photographs with everybody's boxes (detector.relabel)")
    parser.add_argument("--data", type=Path, required=True, help="folder with panoramas/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=12000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="picture of 80 crops")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    predictor, backdrops, photographs = onnx_predictor(args.model, threads=1), Empty(args.data / "panoramas"), Crowds(args.relabelled)
    args.out.mkdir(parents=True, exist_ok=True)
    tiles: list[np.ndarray] = []
    for first in range(args.seed, args.seed + args.count, SHARD):
        rgbs, boxes = [], []
        for seed in range(first, min(first + SHARD, args.seed + args.count)):
            rng = np.random.default_rng([seed, 47])
            rgb, box = of_backdrop(rng, backdrops, predictor) if seed % 4 else of_photograph(rng, photographs)
            rgbs.append(rgb)
            boxes.append(box)
        jpegs = [cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes() for rgb in rgbs]
        store.write(args.out / f"nobody-{first:08d}.npz", jpegs, labels_of(rgbs, boxes), "mhp_train.detector.false_alarms")
        print(f"{first + len(rgbs) - args.seed} of {args.count} crops", file=sys.stderr, flush=True)
        tiles += [tile(rgb, box) for rgb, box in zip(rgbs[:80 - len(tiles)], boxes)]
    if args.sheet:
        cv2.imwrite(str(args.sheet), cv2.vconcat([cv2.hconcat(tiles[start:start + 10]) for start in range(0, len(tiles) - 9, 10)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
