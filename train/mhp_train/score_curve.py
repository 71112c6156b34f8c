"""From the peak probability of a heat volume to the chance that the joint is right.

A peak is small (a volume has tens of thousands of cells) and depends on the
network; people expect 0..1.  The curve

    score = 1 / (1 + exp(-(slope * ln(peak) + offset)))

is fitted by maximum likelihood on labelled photographs, right meaning within a
fifth of the torso, and travels in the model file's metadata.  Two looks, at the
crop and at its mirror image, have a curve of their own: the peak of their
product tells whether they agree, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIGHT_SHARE = 0.2  # of the torso: PCK's usual bound
SMALLEST_PEAK = 1e-12
STEPS = 50


@dataclass(frozen=True)
class Curve:
    """Of one look, or of two."""

    slope: float
    offset: float

    def log_odds(self, peak: np.ndarray) -> np.ndarray:
        """That a joint with so large a peak probability is right."""
        return self.slope * np.log(np.maximum(np.asarray(peak, np.float64), SMALLEST_PEAK)) + self.offset


def chance(log_odds: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-log odds)), without overflow."""
    return (1 + np.tanh(log_odds / 2)) / 2


def likeliest(x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Weights [k] of the columns of x [n,k] in the log odds of `right` [n], (Newton's method).
    ValueError where there is nothing to tell apart."""
    if len(right) < 20 or right.min() == right.max():
        raise ValueError(f"a score curve needs right and wrong joints, not {int(right.sum())} right of {len(right)}")
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = chance(x @ weights)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        weights += np.linalg.solve(hessian, x.T @ (right - p))
    return weights


def fit(peaks: np.ndarray, errors: np.ndarray) -> Curve:
    """peaks [n] in 0..1, errors [n] in torsos.  ValueError where no rising curve fits."""
    logs = np.log(np.maximum(peaks.astype(np.float64), SMALLEST_PEAK))
    middle, spread = logs.mean(), logs.std() + 1e-9  # Newton's steps behave on numbers around 0
    x = np.stack([(logs - middle) / spread, np.ones_like(logs)], axis=1)
    weights = likeliest(x, (errors <= RIGHT_SHARE).astype(np.float64))
    slope, offset = weights[0] / spread, weights[1] - weights[0] * middle / spread
    if not (np.isfinite(slope) and np.isfinite(offset) and slope > 0):
        raise ValueError(f"the score does not rise with the chance of being right: slope {slope:.3g}")
    return Curve(float(slope), float(offset))
