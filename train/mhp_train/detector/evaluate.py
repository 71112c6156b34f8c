"""Measure the detector on the development sets, held-out backdrops and, where rendered, test crowds.

    python3 -m mhp_train.detector.evaluate --model models/mhp-detector.onnx --data ../shared/data --shards /var/tmp/mhp-data [--json FILE]

--model takes the ONNX file or a checkpoint (moving average).  --shards holds `lspet-dev` and, if wanted, `det-crowd-test`.
Found: a box of the person overlaps one found by an IoU of at least 0.5, each found box used once, best score first.
coco_people: people at least 60 px high count; found boxes on smaller people, within crowd boxes or lower than 60 px do not.
Views: every held-out photograph, each held-out panorama in six directions.  Intervals: 95 %, Wilson.  Absent sets are skipped and named.
"""
from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

import cv2
import numpy as np
import torch

from mhp_train import store
from mhp_train.dataset import decode_picture
from mhp_train.export import MEAN, STD
from .boxes import areas, iou, letterbox, nms, overlaps
from .export import INPUT_HEIGHT_PX, INPUT_WIDTH_PX
from .network import Detector, decode, locations
from .photos import held_out_views, person_box
from .shards import read_shard
from .weights import from_checkpoint

MATCH_IOU = 0.5
TALL_PX = 60.0
IN_CROWD = 0.5  # of a found box's area
LEAST_SCORE = 0.05
THRESHOLDS = tuple(round(0.2 + 0.02 * step, 2) for step in range(21))
Predictor = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Case:
    """One picture.  rgb uint8 [H,W,3]; wanted [G,4] boxes to find; spare [S,4] boxes that may be found and count for nothing;
    crowds [C,4]: what lies in them counts for nothing; least_px: found boxes lower than this count for nothing unless they match;
    complete: whether everybody has a label, so that other finds are wrong."""

    rgb: np.ndarray
    wanted: np.ndarray
    spare: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    crowds: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))
    least_px: float = 0.0
    complete: bool = True


def network_predictor(network: Detector) -> Predictor:
    """Letterboxed picture uint8 [H,W,3] -> boxes [M,4], scores [M]."""
    grid = locations(INPUT_HEIGHT_PX, INPUT_WIDTH_PX)
    mean, std = torch.tensor(MEAN), torch.tensor(STD)

    @torch.no_grad()
    def predict(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        raw = network(((torch.from_numpy(image).float() - mean) / std).permute(2, 0, 1)[None])
        return decode(raw, *grid)[0].numpy(), torch.sigmoid(raw[0, 0]).numpy()

    return predict


def onnx_predictor(path: Path, threads: int = 2) -> Predictor:
    """The same for a file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def predict(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = session.run(["boxes", "scores"], {"image": image.astype(np.float32).transpose(2, 0, 1)[None]})
        return boxes[0], scores[0]

    return predict


def found(picture: np.ndarray, predictor: Predictor, nms_iou: float) -> tuple[np.ndarray, np.ndarray]:
    """Boxes [K,4] in px of the picture and scores [K], best first."""
    canvas, scale = letterbox(picture, INPUT_WIDTH_PX, INPUT_HEIGHT_PX)
    boxes, scores = predictor(canvas)
    sure = scores >= LEAST_SCORE
    boxes, scores = boxes[sure], scores[sure]
    kept = nms(boxes, scores, nms_iou)
    height, width = picture.shape[:2]
    return np.clip(boxes[kept] / scale, 0, [width, height] * 2), scores[kept]


def matched(case: Case, boxes: np.ndarray, scores: np.ndarray):
    """(scores of the right finds [T], of the wrong finds [F], best score of each wanted box [G], 0 where not found)."""
    best = np.zeros(len(case.wanted))
    targets = np.concatenate([case.wanted, case.spare])
    table, taken = iou(boxes, targets), np.zeros(len(targets), bool)
    inside = overlaps(boxes, case.crowds).max(axis=1, initial=0) / np.maximum(areas(boxes), 1e-9)
    right, wrong = [], []
    for row, score, box, in_crowd in zip(table, scores, boxes, inside):
        free = np.where(taken, 0.0, row)
        target = int(free.argmax()) if len(free) else -1
        if target >= 0 and free[target] >= MATCH_IOU:
            taken[target] = True
            if target < len(best):
                best[target] = score
                right.append(score)
        elif in_crowd < IN_CROWD and box[3] - box[1] >= case.least_px:
            wrong.append(score)
    return np.array(right), np.array(wrong), best


def coco_people(folder: Path) -> Iterator[Case]:
    """The 16 photographs of coco_people."""
    content = json.loads((folder / "people.json").read_text(encoding="utf-8"))
    for image in content["images"]:
        people = [a for a in content["annotations"] if a["image_id"] == image["id"]]
        boxes = np.array([a["bbox"] for a in people], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        crowd = np.array([bool(a["iscrowd"]) for a in people], bool)
        tall = (boxes[:, 3] - boxes[:, 1] >= TALL_PX) & ~crowd
        rgb = cv2.cvtColor(cv2.imread(str(folder / "images" / image["file_name"])), cv2.COLOR_BGR2RGB)
        yield Case(rgb, boxes[tall], boxes[~tall & ~crowd], boxes[crowd], TALL_PX)


def lspet_dev(folder: Path) -> Iterator[Case]:
    """The labelled person of each photograph; others have no label."""
    pictures = store.Folder(folder)
    for index in range(len(pictures)):
        encoded, labels = pictures[index]
        box = person_box(labels["joints_px"], labels["weight2d"] > 0)
        yield Case(decode_picture(encoded, False), box[None].astype(np.float64), complete=False)


def crowds(folder: Path) -> Iterator[Case]:
    """Rendered crowds of held-out poses, bodies and backdrops; people at least a tenth of the longer side high count."""
    for path in sorted(folder.glob("*.npz")):
        shard = read_shard(path)
        for index in range(len(shard)):
            encoded, boxes, person = shard[index]
            rgb = decode_picture(encoded, False)
            least = max(rgb.shape[:2]) / 10
            tall = (boxes[:, 3] - boxes[:, 1] >= least) & (person > 0)
            yield Case(rgb, boxes[tall], boxes[~tall], least_px=least)


def views(panoramas: Path) -> Iterator[Case]:
    """Held-out backdrops: nobody is there."""
    for rgb in held_out_views(panoramas):
        yield Case(rgb, np.zeros((0, 4)))


def wilson(hits: int, n: int) -> str:
    """"61.5 % [46, 75], n 40"."""
    if not n:
        return "none, n 0"
    z, p = 1.96, hits / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * half) / (1 + z * z / n) for sign in (-1, 1))
    return f"{100 * p:.1f} % [{100 * low:.1f}, {100 * high:.1f}], n {n}"


def average_precision(right: np.ndarray, wrong: np.ndarray, people: int) -> float:
    """Area under precision over recall, each recall with the best precision at no less, as COCO has it; finds that score less than
    `LEAST_SCORE` are not among them."""
    scores = np.concatenate([right, wrong])
    hits = np.concatenate([np.ones(len(right)), np.zeros(len(wrong))])[np.argsort(-scores, kind="stable")]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_from_here * hits).sum() / max(people, 1))


def measure(cases: Iterator[Case], predictor: Predictor, nms_iou: float, thresholds: tuple[float, ...] = THRESHOLDS) -> dict[str, dict[str, str]]:
    """Threshold -> figure -> text, for one set."""
    results = []
    complete = True
    for case in cases:
        results.append(matched(case, *found(case.rgb, predictor, nms_iou)))
        complete = complete and case.complete
    right, wrong, best = (np.concatenate([r[k] for r in results]) for k in range(3))
    table: dict[str, dict[str, str]] = {}
    if complete and len(best):
        table["any"] = {"average precision": f"{average_precision(right, wrong, len(best)):.3f}"}
    for threshold in thresholds:
        row = {}
        if len(best):
            row["recall"] = wilson(int((best >= threshold).sum()), len(best))
        if complete and len(best):
            hits = int((right >= threshold).sum())
            row["precision"] = wilson(hits, hits + int((wrong >= threshold).sum()))
        if not len(best):
            row["nobody found"] = wilson(sum(not (r[1] >= threshold).any() for r in results), len(results))
        table[f"{threshold:g}"] = row
    return table


def evaluate(predictor: Predictor, data: Path, shards: Path, nms_iou: float, thresholds: tuple[float, ...] = THRESHOLDS) -> dict[str, dict]:
    """Set -> threshold -> figure -> text."""
    sets = {
        "coco_people": (data / "coco_people", coco_people), "lspet-dev": (shards / "lspet-dev", lspet_dev),
        "held-out views": (data / "panoramas", views), "test crowds": (shards / "det-crowd-test", crowds)}
    results = {}
    for name, (folder, cases) in sets.items():
        if folder.is_dir():
            results[name] = measure(cases(folder), predictor, nms_iou, thresholds)
        else:
            print(f"detector.evaluate: {name} left out, {folder} is not there", file=sys.stderr)
    return results


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--shards", type=Path, required=True)
    parser.add_argument("--nms-iou", type=float, default=0.5)
    parser.add_argument("--scores", type=float, nargs="+", default=THRESHOLDS, help="thresholds to measure at")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    predictor = onnx_predictor(args.model) if args.model.suffix == ".onnx" else network_predictor(from_checkpoint(args.model)[0])
    results = evaluate(predictor, args.data, args.shards, args.nms_iou, tuple(args.scores))
    for name, table in results.items():
        print(name)
        for threshold, row in table.items():
            print(f"  score {threshold:>4}: " + "; ".join(f"{figure} {text}" for figure, text in row.items()))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
