"""Accuracy figures with intervals: PCK, MPJPE, PA-MPJPE, left/right swaps, and what the score is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import skeleton

BOOTSTRAPS = 1000
UPRIGHT_DEG = 45.0
FACING_SHARE = 0.25  # of the torso's length: least distance, in x, of left from right


@dataclass(frozen=True)
class Figure:
    """A mean over `people` people and `n` values, with its 95 % interval (bootstrap over people)."""

    value: float
    low: float
    high: float
    n: int
    people: int
    unit: str

    def __str__(self) -> str:
        return f"{self.value:.1f} {self.unit} [{self.low:.1f}, {self.high:.1f}], n {self.n}, people {self.people}"


def figure(per_person: list[np.ndarray], unit: str) -> Figure:
    """Mean of all values; the interval resamples whole people, whose values hang together."""
    kept = [np.asarray(values, np.float64) for values in per_person if len(values)]
    if not kept:
        return Figure(float("nan"), float("nan"), float("nan"), 0, 0, unit)
    sums, counts = np.array([v.sum() for v in kept]), np.array([len(v) for v in kept])
    picks = np.random.default_rng(0).integers(len(kept), size=(BOOTSTRAPS, len(kept)))
    means = sums[picks].sum(axis=1) / counts[picks].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Figure(sums.sum() / counts.sum(), low, high, int(counts.sum()), len(kept), unit)


def torso_px(points: np.ndarray, labelled: np.ndarray) -> float | None:
    """Right hip to left shoulder in px, else the mirror image of that, else None.  points [21,2], labelled [21]."""
    joints = skeleton.load("muco21")
    for hip, shoulder in (("R_Hip", "L_Shoulder"), ("L_Hip", "R_Shoulder")):
        a, b = joints.index(hip), joints.index(shoulder)
        if labelled[a] and labelled[b]:
            length = float(np.linalg.norm(points[a] - points[b]))
            return length if length > 0 else None
    return None


def similarity_aligned(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """points [J,3] turned, scaled and moved to lie nearest to target [J,3] (Umeyama 1991)."""
    centre, target_centre = points.mean(axis=0), target.mean(axis=0)
    a, b = points - centre, target - target_centre
    u, singular, vt = np.linalg.svd(a.T @ b)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    scale = (singular * signs).sum() / (a ** 2).sum()
    return scale * a @ rotation + target_centre


def joint_errors(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distances [J] in the unit of the inputs [J,k]."""
    return np.linalg.norm(points - target, axis=-1)


def swapped(points: np.ndarray, target: np.ndarray, labelled: np.ndarray) -> bool | None:
    """Whether shoulders and hips lie nearer to their mirror images; None unless the person is upright and faces the camera.

    points, target [21,2] in px, y down.  Facing: the person's left is right in the picture, at shoulders and hips.
    """
    joints = skeleton.load("muco21")
    right = [joints.index(name) for name in ("R_Shoulder", "R_Hip")]
    left = [joints.index(name) for name in ("L_Shoulder", "L_Hip")]
    if not labelled[right + left].all():
        return None
    shoulders, hips = (target[[right[k], left[k]]].mean(axis=0) for k in (0, 1))
    up = shoulders - hips
    length = np.linalg.norm(up)
    if length == 0 or -up[1] < length * np.cos(np.radians(UPRIGHT_DEG)):
        return None
    apart = target[left, 0] - target[right, 0]
    if apart[0] < FACING_SHARE * length or apart[1] <= 0:
        return None
    as_labelled = joint_errors(points[right + left], target[right + left]).sum()
    as_mirrored = joint_errors(points[right + left], target[left + right]).sum()
    return bool(as_mirrored < as_labelled)


def score_table(scores: np.ndarray, errors: np.ndarray, bins: int = 10) -> tuple[list[dict[str, float]], float]:
    """Mean error in `bins` equally filled bins of rising score, and Spearman's rank correlation of bin and error."""
    order = np.argsort(scores, kind="stable")
    table = [{"score_from": float(scores[part[0]]), "score_to": float(scores[part[-1]]), "error": float(errors[part].mean()), "n": len(part)}
             for part in np.array_split(order, bins) if len(part)]
    means = np.array([row["error"] for row in table])
    ranks = means.argsort().argsort()
    rho = float(np.corrcoef(np.arange(len(means)), ranks)[0, 1]) if len(means) > 2 else float("nan")
    return table, rho
