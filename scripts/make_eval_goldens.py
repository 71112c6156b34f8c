#!/usr/bin/env python3
"""Writes internal/eval/testdata/eval.safetensors: what the metrics must answer, by numpy and scipy.

A second implementation that shares no code with the program or with mhp_train: rotations by scipy's align_vectors,
ranks by scipy.stats, COCO's AP written after the published rules. Debian's python3-numpy and python3-scipy are enough.

    scripts/make_eval_goldens.py            write the file
    scripts/make_eval_goldens.py --check    compute again and compare with the committed file
"""
import argparse
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.spatial.transform import Rotation

sys.path.insert(0, str(Path(__file__).resolve().parent))
from make_goldens import SEED, read_safetensors, write_safetensors  # noqa: E402

PATH = Path(__file__).resolve().parent.parent / "internal" / "eval" / "testdata" / "eval.safetensors"
JOINTS, ROOT = 17, 14
ALIGNMENTS = ("absolute", "root", "rigid", "similarity")
KINDS = ("noise", "turned", "mirrored", "collinear", "collinear_both", "flat", "flat_mirrored", "all_equal", "target_equal", "two_places", "tiny", "far")


def pair(rng, kind):
    """Prediction and truth [17,3] in mm."""
    truth = rng.normal(0, 300, (JOINTS, 3)) + [100, -50, 4000]
    line = np.linspace(-1, 1, JOINTS)[:, None]
    turn = Rotation.random(random_state=int(rng.integers(1 << 30)))
    near = truth + rng.normal(0, 60, truth.shape)
    if kind == "noise":
        return near, truth
    if kind == "turned":
        return turn.apply(truth) * 0.7 + [500, 20, -900], truth
    if kind == "mirrored":
        return near * [-1, 1, 1], truth
    if kind == "collinear":
        return line * rng.normal(0, 400, (1, 3)) + [0, 0, 3000], truth
    if kind == "collinear_both":
        return line * rng.normal(0, 400, (1, 3)), line * rng.normal(0, 300, (1, 3)) + [0, 0, 4000]
    if kind == "flat":
        return near * [1, 1, 0], truth * [1, 1, 0] + [0, 0, 4000]
    if kind == "flat_mirrored":
        return near * [-1, 1, 0], truth * [1, 1, 0] + [0, 0, 4000]
    if kind == "all_equal":
        return np.full((JOINTS, 3), 7.0), truth
    if kind == "target_equal":
        return near, np.full((JOINTS, 3), 7.0)
    if kind == "two_places":
        return np.where(np.arange(JOINTS)[:, None] < 8, [[0.0, 0, 0]], [[0.0, 500, 0]]), truth
    if kind == "tiny":
        return near * 1e-6, truth * 1e-6
    return near + 1e6, truth + 1e6


def aligned(points, target, how):
    """points after the alignment."""
    if how == "absolute":
        return points
    if how == "root":
        return points - points[ROOT] + target[ROOT]
    a, b = points - points.mean(0), target - target.mean(0)
    if not (a**2).sum() > 0:
        return b * 0 + target.mean(0)
    if not (b**2).sum() > 0:
        turned = a
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # says that a degenerate answer is not unique
            turned = Rotation.align_vectors(b / np.abs(b).max(), a / np.abs(a).max())[0].apply(a)
    scale = (turned * b).sum() / (a**2).sum() if how == "similarity" else 1.0
    return turned * scale + target.mean(0)


def splitmix(n, count):
    """`count` numbers below n: the program's sequence, written after its public definition."""
    state, mask, out = 0, (1 << 64) - 1, []
    for _ in range(count):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append(int(((z ^ (z >> 31)) >> 11) / 2**53 * n))
    return np.array(out)


def figure(sums, counts):
    """Mean and bootstrap interval over people."""
    picks = splitmix(len(sums), 1000 * len(sums)).reshape(1000, -1)
    means = sums[picks].sum(1) / counts[picks].sum(1)
    return np.array([sums.sum() / counts.sum(), *np.percentile(means, [2.5, 97.5])])


def oks(truth, visible, found, area, sigma):
    """COCO's similarity of one pair."""
    d2 = ((truth - found) ** 2).sum(1)
    e = d2 / (2 * sigma) ** 2 / (area + np.spacing(1)) / 2
    return np.exp(-e[visible]).mean()


def average_precision(pictures, sigma):
    """AP over 0.50:0.05:0.95; pictures: list of (truth list of (points, visible, area), found list of (points, score))."""
    values = []
    for limit in np.arange(10) * 0.05 + 0.5:
        rows, people = [], 0
        for truth, found in pictures:
            people += len(truth)
            free = set(range(len(truth)))
            for points, score in sorted(found, key=lambda f: -f[1]):
                best = max(((oks(t[0], t[1], points, t[2], sigma), i) for i, t in enumerate(truth) if i in free), default=(0, -1))
                hit = best[0] >= limit
                if hit:
                    free.discard(best[1])
                rows.append((score, hit))
        rows.sort(key=lambda r: -r[0])
        hits = np.cumsum([r[1] for r in rows])
        recall, precision = hits / people, hits / np.arange(1, len(rows) + 1)
        at = [precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 101)]
        values.append(np.mean(at))
    return 100 * np.mean(values)


def rescaled(points, truth, bones):
    """Bones of the prediction with the truth's lengths."""
    out = points.copy()
    for child, parent in bones:
        v = points[child] - points[parent]
        out[child] = out[parent] + v * np.linalg.norm(truth[child] - truth[parent]) / np.linalg.norm(v)
    return out


# MuCo-3DHP's numbers, in the order of the official evaluation.
BONES = [(15, 14), (1, 15), (0, 1), (16, 1), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 6), (8, 14), (9, 8), (10, 9), (11, 14), (12, 11), (13, 12)]
COCO_SIGMAS = np.array([0.79, 0.79, 0.72, 0.72, 0.62, 0.62, 1.07, 1.07, 0.87, 0.87, 0.89, 0.89]) / 10


def tensors():
    """Everything the Go tests compare with."""
    rng = np.random.default_rng(SEED)
    out = {"pred": [], "truth": [], "errors": [], "squares": [], "axis": [], "rescaled": []}
    for kind in KINDS:
        for _ in range(4):
            pred, truth = pair(rng, kind)
            offsets = np.stack([aligned(pred, truth, how) - truth for how in ALIGNMENTS])
            out["pred"].append(pred)
            out["truth"].append(truth)
            out["errors"].append(np.linalg.norm(offsets, axis=2))
            out["squares"].append((offsets**2).sum((1, 2)))
            out["axis"].append(np.abs(offsets).mean(1))
            out["rescaled"].append(rescaled(pred, truth, BONES) if kind in ("noise", "turned", "mirrored") else pred)
    out = {k: np.array(v) for k, v in out.items()}
    root = out["errors"][:, 1]
    out["pck"] = 100 * (root <= 150).mean(1)
    out["auc"] = 100 * (root[:, :, None] <= np.arange(0, 151, 5)).mean((1, 2))
    out["sums"], out["counts"] = root.sum(1), np.full(len(root), float(JOINTS))
    out["figure"] = figure(out["sums"], out["counts"])
    hits, n = 7, 53
    low, high = (lambda c, h: (c - h, c + h))((hits / n + 1.959963984540054**2 / (2 * n)) / (1 + 1.959963984540054**2 / n),
        1.959963984540054 / (1 + 1.959963984540054**2 / n) * np.sqrt(hits / n * (1 - hits / n) / n + 1.959963984540054**2 / (4 * n * n)))
    out["wilson"] = np.array([hits, n, 100 * hits / n, 100 * low, 100 * high])
    scores = rng.random(237)
    errors = 0.5 - 0.4 * scores + rng.normal(0, 0.2, 237)
    order = np.argsort(scores, kind="stable")
    bins = [errors[part].mean() for part in np.array_split(order, 10)]
    out["score"], out["score_error"], out["score_bins"] = scores, errors, np.array(bins)
    out["score_rho"] = np.array([stats.spearmanr(np.arange(10), bins).statistic])
    ties = rng.integers(0, 5, (2, 40)).astype(float)
    out["ties"], out["ties_rho"] = ties, np.array([stats.spearmanr(ties[0], ties[1]).statistic])
    pictures, people = [], []
    for number in range(12):
        truth, found = [], []
        for _ in range(3):
            points = rng.uniform(0, 600, (12, 2))
            visible = rng.random(12) < 0.8
            visible[0] = True
            truth.append((points, visible, float(rng.uniform(5e3, 4e4))))
            score = float(rng.random())
            if rng.random() < 0.9:
                found.append((points + rng.normal(0, rng.uniform(1, 40), points.shape), score))
        pictures.append((truth, found))
        for i, t in enumerate(truth):
            people.append(np.concatenate([[number, 0, t[2]], t[0].ravel(), t[1]]))
        for points, score in found:
            people.append(np.concatenate([[number, 1, score], points.ravel(), np.zeros(12)]))
    out["oks_people"] = np.array(people)
    out["oks_ap"] = np.array([average_precision(pictures, COCO_SIGMAS)])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    made = tensors()
    if not args.check:
        PATH.parent.mkdir(parents=True, exist_ok=True)
        write_safetensors(PATH, made, "mm, mm^2, %, as named")
        return 0
    old = read_safetensors(PATH)
    off = [name for name in made if name not in old or not np.allclose(made[name], old[name], rtol=1e-7, atol=1e-6)]
    for name in off:
        print(f"{PATH}: {name} differs", file=sys.stderr)
    return bool(off)


if __name__ == "__main__":
    sys.exit(main())
