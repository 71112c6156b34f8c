"""One person looked at several times, in the crop, turned and in mirror images, and what the program makes of it.  Twin of Go's `postprocess.Merge`.

A mirror image is such that cells fall on cells, a turned one goes about the middle of the cells (`crop.turned`, `crop.mirrored`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import skeleton

SURER_LOOK = 4.0  # the power of a look's mean peak probability (geometric, of all joints) that it counts with
SURER_SCORE = 1.4  # the same for the score
SHARPER = 2.0  # all looks together are surer than their mean
SMALLEST = 1e-12
UNSEEN = 1e-6  # what a turned look says of a cell that it does not see


@dataclass(frozen=True)
class View:
    """How a crop is looked at: turned counter-clockwise by `turn_deg`, then mirrored."""

    turn_deg: float = 0.0
    mirrored: bool = False


TURN_DEG = 25.0
VIEWS = tuple(View(turn, mirrored) for turn in (0.0, TURN_DEG, -TURN_DEG) for mirrored in (False, True))


@dataclass(frozen=True)
class Prediction:
    """points_px [21,2] in the picture, depth_mm [21] relative to the root along the line of sight through centre_px [2], score [21]."""

    points_px: np.ndarray
    depth_mm: np.ndarray
    score: np.ndarray
    centre_px: np.ndarray


@dataclass(frozen=True)
class Look:
    """What the network said of one crop: coords [21,3] in cells, peak [21]: the peak probability of the heat volume; its marginals
    plane [21,H*W] and depth [21,D]."""

    coords: np.ndarray
    peak: np.ndarray
    plane: np.ndarray
    depth: np.ndarray

    def upright(self, view: View, width: int) -> tuple[np.ndarray, np.ndarray]:
        """What the look, which saw the crop as `view` has it, says of the crop itself: logarithms of plane [21,H*W] and depth [21,D]."""
        plane, depth = (np.log(np.maximum(shares.astype(np.float64), SMALLEST)) for shares in (self.plane, self.depth))
        if view.mirrored:
            other = skeleton.load("muco21").mirror_index
            plane, depth = plane[other].reshape(len(plane), -1, width)[..., ::-1].reshape(plane.shape), depth[other]
        return turned_back(plane, view.turn_deg, width) if view.turn_deg else plane, depth


def turned_back(plane: np.ndarray, turn_deg: float, width: int) -> np.ndarray:
    """plane [J,H*W] of the crop turned by `turn_deg` -> the same of the crop, bilinear."""
    height = plane.shape[1] // width
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    x, y = cos * x + sin * y + (width - 1) / 2, cos * y - sin * x + (height - 1) / 2
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    framed = np.pad(plane.reshape(-1, height, width), ((0, 0), (1, 1), (1, 1)), constant_values=np.log(UNSEEN))
    total = 0.0
    for column, across in ((left, left + 1 - x), (left + 1, x - left)):
        for row, down in ((top, top + 1 - y), (top + 1, y - top)):
            total = total + across * down * framed[:, np.clip(row, -1, height) + 1, np.clip(column, -1, width) + 1]
    return total.reshape(plane.shape)


def merged(looks: list[Look], views: tuple[View, ...], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coords [21,3] in cells of the product of what the looks say of each place, so that what one of them holds impossible is out, and
    scores [21]: how likely they hold the likeliest place together, the lower the less they agree."""
    sure = np.array([np.log(np.maximum(look.peak.astype(np.float64), SMALLEST)).mean() for look in looks])
    parts, score_parts = (powers / powers.sum() for powers in (np.exp(power * (sure - sure.max())) for power in (SURER_LOOK, SURER_SCORE)))
    expected, score = [], 0.0
    for logs in map(np.stack, zip(*(look.upright(view, width) for look, view in zip(looks, views)))):  # planes, then depths [n,21,N]
        product = np.tensordot(parts, logs, 1)
        score = score + np.tensordot(score_parts, np.take_along_axis(logs, product.argmax(axis=1)[None, :, None], axis=2)[..., 0], 1)
        shares = np.exp(SHARPER * (product - product.max(axis=1, keepdims=True)))
        expected.append(shares / shares.sum(axis=1, keepdims=True))
    (plane, depth), cells = expected, np.arange(expected[0].shape[1])
    coords = np.stack([plane @ (cells % width), plane @ (cells // width), depth @ np.arange(depth.shape[1])], axis=1)
    return coords, np.exp(score)
