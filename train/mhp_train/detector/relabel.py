"""Everybody in LSPET's photographs, where only one person has a label: the detector says where others are.

    python3 -m mhp_train.detector.relabel --model CKPT --pose CKPT --photographs /var/tmp/mhp-data/lspet --out /var/tmp/mhp-data/det-photos [--sheet FILE]

Each photograph is seen in two sizes and mirrored; a box's score is the mean over these views of the best one that agrees with it.
A detector that labels for itself only grows surer of its mistakes, so the pose network, which has learnt from crops that nobody is in
(`false_alarms`), has its say: boxes that both are sure of become people, those that it sees nobody in are empty, the rest are places
that count for nothing.
--out receives shards of boxes (`shards`), one for each of --photographs, that replace older ones: a better detector labels again.
"""
from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import torch
from torch import nn

from mhp_train import crop, store
from mhp_train.dataset import decode_picture
from mhp_train.decode import cells_to_crop_px
from mhp_train.evaluate import Predictor, torch_predictor
from mhp_train.export import folded
from mhp_train.loop import normalised
from .boxes import areas, iou, letterbox, nms, overlaps
from .network import decode, locations
from .photos import person_box
from .shards import write_shard
from .weights import from_checkpoint

SIDES_PX = (256, 384)
AGREES_IOU, NMS_IOU = 0.5, 0.5
LEAST_VIEW_SCORE = 0.05
SAME_IOU, INSIDE = 0.3, 0.7  # with the labelled person: overlap, or part of the found box, from which on it is that person's,
APART = 0.3  # and part of the found box up to which it surely is another's
BATCH = 16
SMALLEST_PEAK = 1e-12
Judge = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Limits:
    """Of the detector: mean scores from which on a box may be a person, or is at least doubtful. Of the pose network: mean logarithms of
    the joints' peaks from which on it is one, and up to which nobody is there if the box is at least `judged_px` high; half of
    coco_people's people lie above the first, a fiftieth below the second, of the detector's false alarms on held-out views
    a twentieth above the first and four fifths below the second. `fits_iou`: least overlap of a person's box with that of the joints seen
    in it; joints elsewhere are somebody else's, whom the crop shows too."""

    sure: float = 0.3
    doubtful: float = 0.12
    sure_peak: float = -4.0
    empty_peak: float = -6.2
    judged_px: float = 50.0
    fits_iou: float = 0.4


@torch.no_grad()
def views(network: nn.Module, pictures: list[np.ndarray]) -> list[list[tuple[np.ndarray, np.ndarray]]]:
    """For each picture (boxes [K,4] in its px, scores [K]) of each view, overlaps suppressed."""
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in pictures]
    for side in SIDES_PX:
        grid = locations(side, side)
        for mirrored in (False, True):
            boxed = [letterbox(np.ascontiguousarray(p[:, ::-1]) if mirrored else p, side, side) for p in pictures]
            raw = network(normalised(torch.from_numpy(np.stack([canvas for canvas, _ in boxed])), torch.device("cpu")))
            every, scores = decode(raw, *grid).numpy(), torch.sigmoid(raw[:, 0]).numpy()
            for index, (picture, (_, scale)) in enumerate(zip(pictures, boxed)):
                height, width = picture.shape[:2]
                seen = scores[index] >= LEAST_VIEW_SCORE
                boxes = np.clip(every[index][seen] / scale, 0, [width, height] * 2)
                if mirrored:
                    boxes = boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [width, 0, width, 0]
                kept = nms(boxes, scores[index][seen], NMS_IOU)
                found[index].append((boxes[kept], scores[index][seen][kept]))
    return found


def merged(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [K,4] and mean scores [K] of all views together, best first."""
    boxes, scores = np.concatenate([b for b, _ in found]), np.concatenate([s for _, s in found])
    mean = np.zeros(len(boxes))
    for view_boxes, view_scores in found:
        if len(view_boxes) and len(boxes):
            mean += np.where(iou(boxes, view_boxes) >= AGREES_IOU, view_scores[None], 0).max(axis=1) / len(found)
    kept = nms(boxes, mean + 1e-3 * scores, NMS_IOU)
    return boxes[kept], mean[kept]


def everybody(labelled: np.ndarray, boxes: np.ndarray, scores: np.ndarray, limits: Limits, judge: Judge) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [G,4], the labelled one [4] first, and person uint8 [G] (0: counts for nothing).

    judge: boxes [K,4] -> mean logarithm of the joints' peaks [K] and overlap with the joints' boxes [K] of those in question.
    """
    common = overlaps(boxes, labelled[None])[:, 0] / np.maximum(areas(boxes), 1e-9)
    others = (iou(boxes, labelled[None])[:, 0] < SAME_IOU) & (common < INSIDE) & (scores >= limits.doubtful)
    boxes, scores, common = boxes[others], scores[others], common[others]
    peaks, fits = judge(boxes)
    sure = (scores >= limits.sure) & (common <= APART) & (peaks >= limits.sure_peak) & (fits >= limits.fits_iou)
    empty = (peaks <= limits.empty_peak) & (boxes[:, 3] - boxes[:, 1] >= limits.judged_px)
    return np.concatenate([labelled[None], boxes[~empty]]), np.concatenate([[1], sure[~empty]]).astype(np.uint8)


def judged(rgb: np.ndarray, boxes: np.ndarray, pose: Predictor, side_px: int) -> tuple[np.ndarray, np.ndarray]:
    """How surely the pose network sees somebody's joints in each box, [K] (0 is certain), and the overlap with their box, [K]."""
    if not len(boxes):
        return np.zeros(0), np.zeros(0)
    crops, matrices = [], []
    for x1, y1, x2, y2 in boxes:
        square = crop.process_bbox(crop.grown(np.array([x1, y1, x2 - x1, y2 - y1])), *rgb.shape[1::-1])
        matrices.append(crop.image_to_crop(square))
        crops.append(cv2.warpAffine(rgb, crop.to_input(matrices[-1], side_px), (side_px, side_px), flags=cv2.INTER_LINEAR))
    cells, peaks, *_ = pose(np.stack(crops))
    fits = []
    for box, matrix, found in zip(boxes, matrices, cells[..., :2]):
        points = crop.apply_affine(crop.inverse(matrix), cells_to_crop_px(found, side_px // 8))
        seen = np.clip(np.concatenate([points.min(0), points.max(0)]), 0, rgb.shape[1::-1] * 2)
        fits.append(iou(box[None], seen[None])[0, 0])
    return np.log(np.maximum(peaks, SMALLEST_PEAK)).mean(axis=1), np.array(fits)


def relabel(network: nn.Module, pose: Predictor, pose_px: int, shard: store.Shard, limits: Limits):
    """(sizes, boxes, person), a list each, of a shard's pictures."""
    sizes, every_box, every_person = [], [], []
    for start in range(0, len(shard), BATCH):
        rows = range(start, min(start + BATCH, len(shard)))
        pictures = [decode_picture(shard.encoded(row), False) for row in rows]
        for row, picture, found in zip(rows, pictures, views(network, pictures)):
            size = picture.shape[1::-1]
            box = person_box(shard.labels["joints_px"][row], shard.labels["weight2d"][row] > 0)
            boxes, person = everybody(np.clip(box, 0, size * 2), *merged(found), limits,
                                      lambda asked: judged(picture, asked, pose, pose_px))
            sizes.append(size)
            every_box.append(boxes.astype(np.float32))
            every_person.append(person)
    return sizes, every_box, every_person


def tile(shard: store.Shard, row: int, boxes: np.ndarray, person: np.ndarray, side_px: int = 230) -> np.ndarray:
    """uint8 BGR: a picture with its boxes; white as labelled, green added, blue doubtful."""
    canvas, scale = letterbox(np.ascontiguousarray(decode_picture(shard.encoded(row), False)[..., ::-1]), side_px, side_px)
    for number, ((x1, y1, x2, y2), sure) in enumerate(zip((boxes * scale).astype(int).tolist(), person)):
        cv2.rectangle(canvas, (x1, y1), (x2, y2), (255, 255, 255) if not number else (0, 220, 0) if sure else (255, 90, 0), 1)
    return canvas


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="checkpoint of the detector (moving average)")
    parser.add_argument("--pose", type=Path, required=True, help="checkpoint of the pose network (moving average)")
    parser.add_argument("--photographs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sheet", type=Path, help="picture of some photographs in which others were found")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    limits = Limits()
    pose, pose_px = torch_predictor(args.pose)
    network = folded(from_checkpoint(args.model)[0]).to(memory_format=torch.channels_last)
    added = doubtful = pictures = 0
    tiles = []
    for path in sorted(args.photographs.glob("*.npz")):
        shard = store.read(path)
        sizes, boxes, person = relabel(network, pose, pose_px, shard, limits)
        meta = json.dumps({"generator": "mhp_train.detector.relabel", **vars(limits)})
        write_shard(args.out / path.name, [shard.encoded(row) for row in range(len(shard))], sizes, boxes, person, meta)
        pictures, added, doubtful = pictures + len(shard), added + sum(int(p.sum()) - 1 for p in person), doubtful + sum(int((p == 0).sum()) for p in person)
        print(f"{path.name}: {pictures} photographs, {added} people added, {doubtful} places in doubt", file=sys.stderr, flush=True)
        tiles += [tile(shard, row, b, p) for row, (b, p) in enumerate(zip(boxes, person)) if len(p) > 1][:8]
    if args.sheet:
        rows = [cv2.hconcat(tiles[start:start + 8]) for start in range(0, len(tiles) - 7, 8)]
        cv2.imwrite(str(args.sheet), cv2.vconcat(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
