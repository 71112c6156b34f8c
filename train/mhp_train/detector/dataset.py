"""Letterboxed training pictures with everybody's box: single pictures and mosaics of rendered crowds, photographs, backdrops.

A batch is a pure function of (seed, step, input size) and of the shards at hand, as in `mhp_train.dataset`, whose
`Prefetcher` prepares them.
"""
from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch

from mhp_train import augment, store
from mhp_train.dataset import RESCAN_S, decode_picture
from .boxes import GREY, areas, mirrored, resized
from .network import locations
from .photos import Backdrops, person_box
from .shards import read_shard

MOST_PEOPLE = 64  # a picture; more are cut off at random (their places count for nothing)
SMALLEST_PX = 7.0  # people lower than this in the input count for nothing
LEAST_LEFT = 0.3  # of a box's area inside the cut; with less it counts for nothing,
LEAST_OF_LARGE, LARGE_PX = 0.15, 64.0  # or with less than so much where its longer side still is so long, px at 320
TALLEST, LOWEST_PX = 2.0, 24.0  # heights that people are scaled to: part of the input's side, px at 320
MOST_ZOOM = 3.0  # more shows only what even we cannot tell
AWAY = 0.1  # cuts of pictures with people that do not look for one: mostly what is around people
BUSTS, TALLEST_BUST = 0.07, 4.0  # chance of heads and shoulders, and the whole person's height then, part of the cut's
CLOSE = 0.8  # people scaled to more than this part of the cut's height are not seen round their middle, but anywhere
STRETCH = 0.1
TURNED, RECOLOURED = 0.3, 0.3  # chances of pictures without people
# Rows and columns of mosaics, and how often.
GRIDS = (((1, 1), 0.7), ((1, 2), 0.07), ((2, 1), 0.07), ((2, 2), 0.12), ((3, 3), 0.04))
PIXELS = augment.Settings(colour=0.15, grey_chance=0.03, blur_chance=0.08, noise_chance=0.06, erase_chance=0.0)


@dataclass(frozen=True)
class Picture:
    """rgb uint8 [H,W,3]; boxes float32 [G,4], edges in px; person bool [G] (False: counts for nothing);
    trust: how sure it is that nobody is where no box is (0..1)."""

    rgb: np.ndarray
    boxes: np.ndarray
    person: np.ndarray
    trust: float = 1.0


@dataclass(frozen=True)
class Batch:
    """image uint8 [N,P,P,3]; boxes float32 [N,G,4], of which count int64 [N] are used; trust float32 [N,M] a location."""

    image: torch.Tensor
    boxes: torch.Tensor
    count: torch.Tensor
    trust: torch.Tensor


class PictureSource(Protocol):
    """Something that pictures are drawn from."""

    def __len__(self) -> int: ...
    def rescan(self) -> None: ...
    def draw(self, rng: np.random.Generator) -> Picture: ...


class Crowds:
    """Pictures with everybody's boxes from a folder of shards that may still be filled."""

    def __init__(self, folder: Path):
        self.folder, self.loaded, self.starts = folder, {}, np.zeros(1, np.int64)
        self.rescan()

    def rescan(self) -> None:
        """Read shards that are new."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self.loaded:
                self.loaded[path.name] = read_shard(path)
        self.order = [self.loaded[name] for name in sorted(self.loaded)]
        self.starts = np.concatenate([[0], np.cumsum([len(shard) for shard in self.order])]).astype(np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def draw(self, rng: np.random.Generator) -> Picture:
        index = int(rng.integers(len(self)))
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        encoded, boxes, person = self.order[number][index - int(self.starts[number])]
        return Picture(decode_picture(encoded, False), boxes, person > 0)


class Photographs:
    """Photographs with one labelled person each (shards of `mhp_train.lspet`); others in them have no label, hence the trust."""

    def __init__(self, folder: Path, trust: float):
        self.pictures, self.trust = store.Folder(folder), trust

    def rescan(self) -> None:
        self.pictures.rescan()

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, rng: np.random.Generator) -> Picture:
        encoded, labels = self.pictures[int(rng.integers(len(self)))]
        rgb = decode_picture(encoded, False)
        box = person_box(labels["joints_px"], labels["weight2d"] > 0)
        box = np.clip(box, 0, [rgb.shape[1], rgb.shape[0]] * 2).astype(np.float32)
        return Picture(rgb, box[None], np.ones(1, bool), self.trust)


class Empty:
    """Backdrops without people: few, hence turned and recoloured as no picture with people could be."""

    def __init__(self, panoramas: Path):
        self.backdrops = Backdrops(panoramas, held_out=False)

    def rescan(self) -> None:
        return

    def __len__(self) -> int:
        return len(self.backdrops.photos)

    def draw(self, rng: np.random.Generator) -> Picture:
        rgb = self.backdrops.draw(rng)
        if rng.random() < TURNED:
            rgb = np.rot90(rgb, int(rng.integers(1, 4)))
        if rng.random() < RECOLOURED:
            rgb = rgb[..., rng.permutation(3)]
        return Picture(np.ascontiguousarray(rgb), np.zeros((0, 4), np.float32), np.zeros(0, bool))


def cut(picture: Picture, size: tuple[int, int], fill: bool, input_px: int, rng: np.random.Generator) -> Picture:
    """A random part of `picture`, mirrored at random, scaled to (width, height) at most; to exactly that if `fill`.

    Somebody in it gets a random height; without `fill` the part may be the whole picture, as at inference.
    """
    height, width = picture.rgb.shape[:2]
    least = max(size[0] / width, size[1] / height) if fill else min(size[0] / width, size[1] / height)
    people = np.flatnonzero(picture.person)
    chosen = picture.boxes[rng.choice(people)] if len(people) and rng.random() >= AWAY else None
    bust = chosen is not None and rng.random() < BUSTS
    if bust:
        scale = rng.uniform(TALLEST, TALLEST_BUST) * size[1] / max(chosen[3] - chosen[1], 1.0)
    elif chosen is None or (not fill and rng.random() < 0.35):
        scale = least * np.exp(rng.uniform(0, 1.2)) if chosen is None else least
    else:
        tallest = TALLEST * min(size[1] / input_px, 1.0)
        wanted = np.exp(rng.uniform(np.log(LOWEST_PX * input_px / 320), np.log(tallest * input_px)))
        scale = wanted / max(chosen[3] - chosen[1], 1.0)
    scale = max(min(scale, MOST_ZOOM * input_px / 320), least)
    close = chosen is not None and scale * (chosen[3] - chosen[1]) > CLOSE * size[1]
    stretch = np.exp(rng.uniform(-STRETCH, STRETCH) / 2) if rng.random() < 0.5 else 1.0
    scales = np.array([scale * stretch, scale / stretch])
    span = np.minimum(np.ceil(np.array(size) / scales), [width, height]).astype(int)  # of the part, source px
    middle = np.array([width, height]) / 2
    if chosen is not None:
        middle = chosen[:2] + (chosen[2:] - chosen[:2]) * (
            rng.uniform([0.3, 0.03], [0.7, 0.25]) if bust else rng.uniform([0.2, 0.05], [0.8, 0.7]) if close else 0.5)
    shift = rng.uniform(-0.5, 0.5, 2) * (0.5 if bust else 1.0) * span if chosen is not None else rng.uniform(-0.5, 0.5, 2) * [width, height]
    start = np.clip(np.round(middle + shift - span / 2), 0, np.array([width, height]) - span).astype(int)
    out = np.array(size) if fill else np.minimum(np.maximum(np.round(span * scales), 1), size).astype(int)
    part = picture.rgb[start[1]:start[1] + span[1], start[0]:start[0] + span[0]]
    part = resized(np.ascontiguousarray(part), (int(out[0]), int(out[1])))
    boxes = (picture.boxes - np.tile(start, 2)) * np.tile(out / span, 2)
    if rng.random() < 0.5:
        part, boxes = part[:, ::-1], mirrored(boxes, out[0])
    clipped = np.clip(boxes, 0, np.tile(out, 2)).astype(np.float32)
    there = areas(clipped) > 0
    large = (clipped[:, 2:] - clipped[:, :2]).max(axis=1, initial=0) >= LARGE_PX * input_px / 320
    kept = areas(clipped) >= np.where(large, LEAST_OF_LARGE, LEAST_LEFT) * areas(boxes)
    tall = clipped[:, 3] - clipped[:, 1] >= SMALLEST_PX * input_px / 320
    return Picture(part, clipped[there], (picture.person & kept & tall)[there], picture.trust)


def lines(length: int, count: int, rng: np.random.Generator) -> list[int]:
    """Borders of `count` parts of `length`, uneven."""
    shares = np.exp(rng.uniform(-0.4, 0.4, count))
    return [0, *np.round(np.cumsum(shares) / shares.sum() * length).astype(int).tolist()]


class Mixer:
    """Draws batches; each part of a mosaic comes from a source chosen by its share."""

    def __init__(self, sources: list[PictureSource], shares: list[float], seed: int):
        self.sources, self.shares, self.seed = sources, np.array(shares), seed
        self.scanned_s = time.monotonic()

    def counts(self) -> list[int]:
        """Pictures at hand by source."""
        return [len(source) for source in self.sources]

    def rescan(self) -> None:
        """Look for new shards, at most every `RESCAN_S`."""
        if time.monotonic() - self.scanned_s > RESCAN_S:
            for source in self.sources:
                source.rescan()
            self.scanned_s = time.monotonic()

    def draw(self, rng: np.random.Generator) -> Picture:
        """A picture of a random source."""
        shares = self.shares * (np.array(self.counts()) > 0)
        if not shares.any():
            raise ValueError("no pictures in any source; render or pack some first")
        return self.sources[int(np.searchsorted(np.cumsum(shares), rng.random() * shares.sum()))].draw(rng)

    def canvas(self, rng: np.random.Generator, input_px: int):
        """image uint8 [P,P,3], boxes [G,4] of people, trust float32 [P,P]."""
        image, trust = np.full((input_px, input_px, 3), GREY, np.uint8), np.ones((input_px, input_px), np.float32)
        chances = np.cumsum([chance for _, chance in GRIDS])
        rows, columns = GRIDS[int(np.searchsorted(chances, rng.random() * chances[-1]))][0]
        ys, xs = lines(input_px, rows, rng), lines(input_px, columns, rng)
        single = rows * columns == 1
        people = []
        for top, bottom in zip(ys, ys[1:]):
            for left, right in zip(xs, xs[1:]):
                part = cut(self.draw(rng), (right - left, bottom - top), not single, input_px, rng)
                height, width = part.rgb.shape[:2]
                image[top:top + height, left:left + width] = part.rgb
                place = trust[top:top + height, left:left + width]
                place[:] = part.trust
                inside = part.boxes.round().astype(int)
                for (x1, y1, x2, y2), person in zip(inside, part.person):
                    place[y1:y2, x1:x2] = np.maximum(place[y1:y2, x1:x2], 1.0) if person else 0.0
                people.append(part.boxes[part.person] + np.array([left, top, left, top], np.float32))
        return augment.change_pixels(image, rng, PIXELS), np.concatenate(people), trust

    def batch(self, step: int, size: int, input_px: int) -> Batch:
        """Batch of `size` pictures for training step `step`."""
        rng = np.random.default_rng([self.seed, step])
        centres, _ = locations(input_px, input_px)
        x, y = centres.long().numpy().T
        images, trusts = [], []
        boxes, count = np.zeros((size, MOST_PEOPLE, 4), np.float32), np.zeros(size, np.int64)
        for index in range(size):
            image, people, trust = self.canvas(rng, input_px)
            people = people[rng.permutation(len(people))[:MOST_PEOPLE]]
            boxes[index, :len(people)], count[index] = people, len(people)
            images.append(image)
            trusts.append(trust[y, x])
        most = max(1, int(count.max()))
        return Batch(torch.from_numpy(np.stack(images)), torch.from_numpy(boxes[:, :most].copy()), torch.from_numpy(count),
                     torch.from_numpy(np.stack(trusts)))
