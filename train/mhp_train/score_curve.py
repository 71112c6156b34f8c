"""From the peak probability of a heat volume to the chance that the joint is right.

A peak is small (a volume has tens of thousands of cells) and depends on the
network; people expect 0..1.  The curve

    score = 1 / (1 + exp(-(slope * ln(peak) + offset)))

is fitted by maximum likelihood on labelled photographs, right meaning within a
fifth of the torso, and travels in the model file's metadata.
"""

import numpy as np

RIGHT_SHARE = 0.2  # of the torso: PCK's usual bound
SMALLEST_PEAK = 1e-12


def fit(peaks: np.ndarray, errors: np.ndarray, steps: int = 50) -> tuple[float, float]:
    """peaks [n] in 0..1, errors [n] in torsos -> (slope, offset).  ValueError where no rising curve fits."""
    right = (errors <= RIGHT_SHARE).astype(np.float64)
    if len(peaks) < 20 or right.min() == right.max():
        raise ValueError(f"a score curve needs right and wrong joints, not {int(right.sum())} right of {len(right)}")
    logs = np.log(np.maximum(peaks.astype(np.float64), SMALLEST_PEAK))
    middle, spread = logs.mean(), logs.std() + 1e-9  # Newton's steps behave on numbers around 0
    x = np.stack([(logs - middle) / spread, np.ones_like(logs)], axis=1)
    weights = np.zeros(2)
    for _ in range(steps):
        chance = 1 / (1 + np.exp(-x @ weights))
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + 1e-6 * np.eye(2)
        weights += np.linalg.solve(hessian, x.T @ (right - chance))
    slope, offset = weights[0] / spread, weights[1] - weights[0] * middle / spread
    if not (np.isfinite(slope) and np.isfinite(offset) and slope > 0):
        raise ValueError(f"the score does not rise with the chance of being right: slope {slope:.3g}")
    return float(slope), float(offset)
