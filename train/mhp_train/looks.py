"""One person seen twice, in the crop and in its mirror image, and what the program makes of it.  Twin of Go's `postprocess.MirrorBack`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import score_curve

# The powers of the odds that a look weighs with: of the joint's, and of the mean of all joints' log odds.
SURER_JOINT, SURER_PERSON = 2, 12


@dataclass(frozen=True)
class Prediction:
    """points_px [21,2] in the picture, depth_mm [21] relative to the root along the line of sight through centre_px [2], score [21]."""

    points_px: np.ndarray
    depth_mm: np.ndarray
    score: np.ndarray
    centre_px: np.ndarray


@dataclass(frozen=True)
class Look:
    """What the network said of one crop: points_px [21,2] in the picture, depth_mm [21] relative to the root, peak [21]: the peak
    probability of the heat volume; centre_px [2], side_px: of the crop, in the picture."""

    points_px: np.ndarray
    depth_mm: np.ndarray
    peak: np.ndarray
    centre_px: np.ndarray
    side_px: float

    def apart(self, other: Look) -> np.ndarray:
        """How far two looks at a joint lie apart [21], in parts of the crop's side."""
        return np.linalg.norm(self.points_px - other.points_px, axis=1) / self.side_px


def merged(straight: Look, mirrored: Look, curve: score_curve.Curve, agreement: score_curve.Agreement | None = None) -> Prediction:
    """Joint by joint the mean of both looks, by how sure they are of it and of the whole person; the score is the mean of both, or what `agreement` makes of it."""
    first, second = curve.log_odds(straight.peak), curve.log_odds(mirrored.peak)
    part = score_curve.chance(SURER_JOINT * (second - first) + SURER_PERSON * (second - first).mean())  # of the mirrored look
    score = (score_curve.chance(first) + score_curve.chance(second)) / 2
    if agreement:
        score = score_curve.chance(agreement.log_odds((first + second) / 2, straight.apart(mirrored)))
    return Prediction(straight.points_px + part[:, None] * (mirrored.points_px - straight.points_px),
                      straight.depth_mm + part * (mirrored.depth_mm - straight.depth_mm), score, straight.centre_px)
