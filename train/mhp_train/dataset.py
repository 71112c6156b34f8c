"""Batches of crops with targets, drawn from several folders of shards.

A batch is a pure function of (seed, step, input size) and of the shards at hand, so a run resumes at any step.
One thread prepares batches ahead of the loop (OpenCV releases Python's lock).
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import torch

from . import augment, camera, crop, decode, skeleton, store

RESCAN_S = 45.0
NEAR_SIDES = 1.0  # a joint that lies so many sides of the crop beyond its edge is not near it


@dataclass(frozen=True)
class Source:
    """A folder of shards, its share of every batch, and how its pictures are changed."""

    path: Path
    share: float
    augment: augment.Settings = augment.Settings()


@dataclass(frozen=True)
class Batch:
    """image uint8 [N,H,W,3] RGB; cells float32 [N,21,3] targets (x, y in cells of the volume, z in depth bins);
    weight2d, weight_z float32 [N,21]; outside float32 [N,21]: 1 where the joint is known to lie outside the crop;
    near float32 [N,21,3]: 1 where it lies outside, but near it, and the coordinate is known: `cells` then holds the nearest place inside."""

    image: torch.Tensor
    cells: torch.Tensor
    weight2d: torch.Tensor
    weight_z: torch.Tensor
    outside: torch.Tensor
    near: torch.Tensor


def decode_picture(encoded: np.ndarray, reduce: bool) -> np.ndarray:
    """RGB uint8 [H,W,3]; at half size if `reduce` (cheap for JPEG)."""
    flag = cv2.IMREAD_REDUCED_COLOR_2 if reduce else cv2.IMREAD_COLOR
    return cv2.cvtColor(cv2.imdecode(encoded, flag), cv2.COLOR_BGR2RGB)


def half_size(matrix: np.ndarray) -> np.ndarray:
    """The affine for a picture reduced by two: its pixel i averages pixels 2i and 2i + 1."""
    return np.column_stack([matrix[:, :2] * 2, matrix[:, 2] + matrix[:, :2] @ np.array([0.5, 0.5])])


def sample(encoded: np.ndarray, labels: dict[str, np.ndarray], input_px: int, depth_bins: int,
           settings: augment.Settings | None, rng: np.random.Generator):
    """One crop and its targets, or None where the box misses the picture.  No augmentation without `settings`.

    Returns image [P,P,3] uint8, cells [21,3], weight2d [21], weight_z [21], outside [21], near [21,3].
    """
    width, height = (int(v) for v in labels["size_px"])
    box, kept_end = crop.grown(labels["box_px"]), None
    if settings and rng.random() < settings.part_chance:
        box, kept_end = augment.part_of(box, rng)
    square = crop.process_bbox(box, width, height)
    if square is None:
        return None
    matrix, flipped = crop.image_to_crop(square), False
    if settings:
        change, flipped = augment.warp_matrix(rng, settings)
        matrix = np.column_stack([change[:, :2] @ matrix[:, :2], change[:, :2] @ matrix[:, 2] + change[:, 2]])
    to_input = crop.to_input(matrix, input_px)
    shrink = np.sqrt(abs(np.linalg.det(to_input[:, :2])))
    reduce = shrink < 0.6
    picture = decode_picture(encoded, reduce)
    if kept_end:
        augment.end_picture(picture, box / 2 if reduce else box, kept_end)
    image = cv2.warpAffine(picture, half_size(to_input) if reduce else to_input, (input_px, input_px), flags=cv2.INTER_LINEAR)
    if settings:
        if rng.random() < settings.hide_face_chance and (head := head_in(labels, to_input)):
            augment.hide_face(image, *head, rng)
        image = augment.change_pixels(image, rng, settings)
    return image, *targets(labels, matrix, flipped, input_px, depth_bins)


def head_in(labels: dict[str, np.ndarray], matrix: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Middle (x, y) of the head under the affine `matrix`, and its distance px from crown to the base of the neck; None where they have no label."""
    joints = skeleton.load("muco21")
    crown, neck, middle = (joints.index(name) for name in ("Head_top", "Thorax", "Head"))
    if not (labels["weight2d"][[crown, neck]] > 0).all():
        return None
    points = crop.apply_affine(matrix, labels["joints_px"])
    head = points[middle] if labels["weight2d"][middle] > 0 else 0.6 * points[crown] + 0.4 * points[neck]
    return head, float(np.linalg.norm(points[crown] - points[neck]))


def targets(labels: dict[str, np.ndarray], matrix: np.ndarray, flipped: bool, input_px: int, depth_bins: int):
    """cells [21,3], weight2d [21], weight_z [21], outside [21], near [21,3] of one picture under the affine image px -> crop px."""
    joints = skeleton.load("muco21")
    order = joints.mirror_index if flipped else np.arange(len(joints.joints))
    cells_across = input_px // 8
    cell_px = decode.CROP_PX / cells_across
    plane = crop.apply_affine(matrix, labels["joints_px"][order]) / cell_px
    depth = np.zeros(len(order))
    if labels["has_depth"]:
        sight = camera.line_of_sight(crop.centre_px(matrix), labels["camera_px"])
        depth = decode.mm_to_depth_index((labels["joints_mm"][order] - labels["joints_mm"][joints.root]) @ sight, depth_bins)
    labelled = labels["weight2d"][order]
    inside = ((plane >= -0.5) & (plane <= cells_across - 0.5)).all(axis=1)
    inside_depth = (depth >= 0) & (depth <= depth_bins - 1)
    weight2d = labelled * inside
    depth_known = inside_depth * float(labels["has_depth"])
    outside = labelled * ~inside
    nearest = np.clip(plane, 0, cells_across - 1)
    near = outside * (np.abs(plane - nearest) < NEAR_SIDES * cells_across).all(axis=1)
    return tuple(column.astype(np.float32) for column in (
        np.column_stack([np.where(near[:, None] > 0, nearest, plane), depth]), weight2d, weight2d * depth_known, outside,
        np.column_stack([near, near, near * depth_known])))


class Mixer:
    """Draws batches from the sources by their shares; a source without pictures leaves its share to the others."""

    def __init__(self, sources: list[Source], depth_bins: int, seed: int):
        self.sources, self.depth_bins, self.seed = sources, depth_bins, seed
        self.folders = [store.Folder(source.path) for source in sources]
        self.scanned_s = time.monotonic()

    def counts(self) -> list[int]:
        """Pictures at hand by source."""
        return [len(folder) for folder in self.folders]

    def rescan(self) -> None:
        """Look for new shards, at most every `RESCAN_S`."""
        if time.monotonic() - self.scanned_s > RESCAN_S:
            for folder in self.folders:
                folder.rescan()
            self.scanned_s = time.monotonic()

    def batch(self, step: int, size: int, input_px: int) -> Batch:
        """Batch of `size` crops for training step `step`, those of all sources mixed."""
        rng = np.random.default_rng([self.seed, step])
        shares = np.array([source.share if len(folder) else 0.0 for source, folder in zip(self.sources, self.folders)])
        if not shares.any():
            raise ValueError(f"no pictures in {', '.join(str(source.path) for source in self.sources)}; pack or render some first")
        bounds = np.round(np.cumsum(shares / shares.sum()) * size).astype(int)
        chosen = rng.permutation(np.searchsorted(bounds, np.arange(size), side="right"))
        rows = []
        for number in chosen:
            row = None
            while row is None:
                folder = self.folders[number]
                encoded, labels = folder[int(rng.integers(len(folder)))]
                row = sample(encoded, labels, input_px, self.depth_bins, self.sources[number].augment, rng)
            rows.append(row)
        return Batch(*(torch.from_numpy(np.stack(column)) for column in zip(*rows)))


class Prefetcher:
    """Prepares `plan(step)` = (size, input_px) batches in a thread, a few ahead; iterate with `get`, end with `close`."""

    def __init__(self, mixer: Mixer, first_step: int, plan: Callable[[int], tuple[int, int]], ahead: int = 3):
        self.mixer, self.plan = mixer, plan
        self.queue: queue.Queue = queue.Queue(ahead)
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self.work, args=(first_step,), daemon=True)
        self.thread.start()

    def work(self, step: int) -> None:
        while not self.closed.is_set():
            try:
                self.mixer.rescan()
                item = self.mixer.batch(step, *self.plan(step))
            except Exception as error:  # handed to the loop, which raises it
                item = error
            while not self.closed.is_set():
                try:
                    self.queue.put(item, timeout=0.5)
                    break
                except queue.Full:
                    continue
            step += 1

    def get(self) -> Batch:
        """Next batch, in the order of steps; raises what the thread ran into."""
        item = self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self.closed.set()
        self.thread.join()
