"""One person seen twice, in the crop and in its mirror image, and what the program makes of it.  Twin of Go's `postprocess.Merge`.

The mirror image is such that cells fall on cells (`crop.mirrored`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import score_curve, skeleton

SURER_LOOK = 1.4  # the power of a look's mean peak probability (geometric, of all joints) that it counts with
SHARPER = 1.2  # two looks together are surer than their mean
SMALLEST = 1e-12


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

    def mirrored(self, width: int) -> Look:
        """What the look at the mirror image says of the crop, `width` cells wide."""
        other = skeleton.load("muco21").mirror_index
        plane = self.plane.reshape(len(self.plane), -1, width)[other, :, ::-1].reshape(self.plane.shape)
        coords = np.array([width - 1, 0, 0]) + self.coords[other] * [-1, 1, 1]
        return Look(coords, self.peak[other], plane, self.depth[other])


def merged(straight: Look, mirrored: Look, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Coords [21,3] in cells and peaks [21] of the product of what both looks (the second one turned back) say of each place."""
    doubt = np.log(np.maximum(mirrored.peak, SMALLEST)) - np.log(np.maximum(straight.peak, SMALLEST))
    part = score_curve.chance(SURER_LOOK * doubt.mean())  # of the mirrored look
    (plane, plane_peak), (depth, depth_peak) = (product(a, b, part) for a, b in ((straight.plane, mirrored.plane), (straight.depth, mirrored.depth)))
    cells, bins = np.arange(plane.shape[1]), np.arange(depth.shape[1])
    coords = np.stack([plane @ (cells % width), plane @ (cells // width), depth @ bins], axis=1)
    return coords, plane_peak * depth_peak


def product(a: np.ndarray, b: np.ndarray, part: float) -> tuple[np.ndarray, np.ndarray]:
    """(a^(1 - part) b^part)^SHARPER of distributions [J,N], summing to 1 again, and its peaks [J] before that: low where a and b disagree."""
    logs = SHARPER * ((1 - part) * np.log(np.maximum(a.astype(np.float64), SMALLEST)) + part * np.log(np.maximum(b.astype(np.float64), SMALLEST)))
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True), np.exp(logs.max(axis=1))
