"""Measure a network on the development sets and the synthetic test set.

    python3 -m mhp_train.evaluate --model models/mhp-xs.onnx --data ../shared/data --shards /var/tmp/mhp-data [--json FILE] [--parts]

--model takes an ONNX file of ours (normalisation in the graph, head coords) or a checkpoint (moving average of its weights).
Each person is looked at in the crop, turned and in mirror images, as the program does by default (`looks.VIEWS`); the score curves of one look
and of all merged are fitted on the photographs at hand and printed.
--shards holds `lspet-dev` and `synth-test`.  MPJPE: all 21 joints, relative to the root, camera mm after back-projection with
the true camera and the true root depth.  PA-MPJPE: the same after similarity alignment.  Sets that are absent are skipped and named.
--parts measures people of whom only the upper part shows instead: PCK of the joints that do, in parts of the whole torso.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator

import cv2
import numpy as np
import torch

from . import camera, checkpoint, crop, decode, export, metrics, score_curve, skeleton, testsets
from .looks import VIEWS, Look, Prediction, merged
from .network import build
from .testsets import Case

BATCH = 16
PCK_SHARE = 0.2
PHOTOGRAPHS = ("lspet-dev", "coco_people")  # the sets that the score curve is fitted on
Predictor = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Sighting:
    """A person, the affine image px -> crop px, and what the network said of the crop in each of `VIEWS`."""

    case: Case
    matrix: np.ndarray
    looks: tuple[Look, ...]

    def one_look(self) -> Prediction:
        """What the crop alone says; the score is the peak probability."""
        return self.placed(self.looks[0].coords, self.looks[0].peak)

    def all_looks(self) -> Prediction:
        """What all looks together say."""
        return self.placed(*merged(self.looks, VIEWS, self.width))

    @property
    def width(self) -> int:
        """Cells along each side of the heat volume."""
        return math.isqrt(self.looks[0].plane.shape[1])

    def placed(self, coords: np.ndarray, score: np.ndarray) -> Prediction:
        """Coordinates in cells as places in the picture."""
        points_px = crop.apply_affine(crop.inverse(self.matrix), decode.cells_to_crop_px(coords[:, :2], self.width))
        return Prediction(points_px, decode.depth_index_to_mm(coords[:, 2], self.looks[0].depth.shape[1]), score, crop.centre_px(self.matrix))


def torch_predictor(path: Path, input_px: int = 256) -> tuple[Predictor, int]:
    """images uint8 [N,P,P,3] -> coords [N,J,3] in cells, score [N,J], plane [N,J,H*W], depth [N,J,D]; and P."""
    state = checkpoint.load(path)
    named = checkpoint.weights(state)
    joints = len(skeleton.load(state.get("joints", "muco21")).joints)
    network = build(state.get("variant", "xs"), joints, checkpoint.prelu_kind(named))
    checkpoint.load_weights(network, named, str(path))
    return network_predictor(network.eval(), joints), input_px


def network_predictor(network: torch.nn.Module, joints: int) -> Predictor:
    """The same for a network in memory."""
    mean, std = torch.tensor(export.MEAN), torch.tensor(export.STD)

    @torch.no_grad()
    def predict(images: np.ndarray) -> tuple[np.ndarray, ...]:
        normalised = ((torch.from_numpy(images).float() - mean) / std).permute(0, 3, 1, 2)
        return tuple(output.numpy() for output in decode.soft_argmax(network(normalised), joints))

    return predict


def onnx_predictor(path: Path, threads: int = 2) -> tuple[Predictor, int]:
    """The same through ONNX Runtime, for our own files with normalisation in the graph and head coords."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    entries = session.get_modelmeta().custom_metadata_map
    if entries.get("mhp.head") != "coords" or entries.get("mhp.input_std") != "1,1,1" or entries.get("mhp.depth_axis") != "crop":
        raise ValueError(f"{path}: evaluation needs a file written by scripts/export_onnx.py from a checkpoint of ours with --head coords --normalize graph")

    def predict(images: np.ndarray) -> tuple[np.ndarray, ...]:
        return tuple(session.run(["coords", "score", "plane", "depth"], {"image": images.transpose(0, 3, 1, 2).astype(np.float32)}))

    return predict, int(entries["mhp.input_width_px"])


def sightings(cases: Iterator[Case], predictor: Predictor, input_px: int) -> Iterator[Sighting]:
    """Each case with what the network says of the crop in all views, in batches; cases whose box misses the picture are left out."""
    waiting: list[tuple[Case, np.ndarray, list[np.ndarray]]] = []
    for case in cases:
        square = crop.process_bbox(case.box, case.picture.shape[1], case.picture.shape[0])
        if square is None:
            continue
        matrix = crop.image_to_crop(square)
        images = []
        for view in VIEWS:
            seen = crop.turned(matrix, view.turn_deg, input_px)
            if view.mirrored:
                seen = crop.mirrored(seen, input_px)
            images.append(cv2.warpAffine(case.picture, crop.to_input(seen, input_px), (input_px, input_px), flags=cv2.INTER_LINEAR))
        waiting.append((dataclasses.replace(case, picture=np.zeros((0, 0, 3), np.uint8)), matrix, images))
        if len(waiting) == BATCH:
            yield from finished(waiting, predictor)
            waiting = []
    if waiting:
        yield from finished(waiting, predictor)


def finished(waiting, predictor: Predictor) -> Iterator[Sighting]:
    """Run one batch in all its views."""
    outputs = [predictor(np.stack(images)) for images in zip(*(images for _, _, images in waiting))]
    for row, (case, matrix, _) in enumerate(waiting):
        yield Sighting(case, matrix, tuple(Look(*(values[row] for values in output)) for output in outputs))


def camera_mm(prediction: Prediction, camera_px: np.ndarray, root_depth_mm: float) -> np.ndarray:
    """Image px and relative depth -> camera mm [21,3]."""
    rays = camera.rays(prediction.points_px, camera_px)
    along = rays @ camera.line_of_sight(prediction.centre_px, camera_px)
    root = skeleton.load("muco21").root
    return rays * ((root_depth_mm * along[root] + prediction.depth_mm) / along)[:, None]


def measure(people: list[tuple[Case, Prediction]]) -> dict:
    """All figures that the labels of a set allow, and the raw score/error pairs."""
    root = skeleton.load("muco21").root
    pck, mpjpe, aligned, flips, without_torso = [], [], [], [], 0
    scores, errors, score_inside, score_outside = [], [], [], []
    for case, prediction in people:
        labelled = case.labelled
        torso = metrics.torso_px(case.points_px, labelled)
        if torso is None:
            without_torso += 1
        else:
            off_px = metrics.joint_errors(prediction.points_px, case.points_px)
            pck.append(100.0 * (off_px[labelled & scored_joints(case)] <= PCK_SHARE * torso))
            inside = labelled & scored_joints(case) & case.inside
            scores.append(prediction.score[inside])
            errors.append(off_px[inside] / torso)
        score_inside.append(prediction.score[labelled & case.inside])
        score_outside.append(prediction.score[labelled & ~case.inside])
        flip = metrics.swapped(prediction.points_px, case.points_px, labelled)
        if flip is not None:
            flips.append(np.array([100.0 * flip]))
        if case.joints_mm is not None:
            target = case.joints_mm[labelled]
            points = camera_mm(prediction, case.camera_px, case.joints_mm[root, 2])
            relative = points - points[root]
            mpjpe.append(metrics.joint_errors(relative[labelled], target - case.joints_mm[root]))
            aligned.append(metrics.joint_errors(metrics.similarity_aligned(points[labelled], target), target))
    table, rho = metrics.score_table(np.concatenate(scores), np.concatenate(errors)) if scores else ([], float("nan"))
    result = {"pck": metrics.figure(pck, "%"), "without_torso": without_torso, "swaps": metrics.figure(flips, "%"),
              "score_table": table, "score_spearman": rho,
              "score_inside": mean_of(score_inside), "score_outside": mean_of(score_outside)}
    if mpjpe:
        result["mpjpe"], result["pa_mpjpe"] = metrics.figure(mpjpe, "mm"), metrics.figure(aligned, "mm")
    result["pairs"] = (np.concatenate(scores), np.concatenate(errors)) if scores else (np.zeros(0), np.zeros(0))
    return result


def part_figures(predictor: Predictor, input_px: int, data: Path, shards: Path) -> dict[str, dict]:
    """PCK of the upper parts of the people of LSPET dev and of the synthetic test set."""
    results = {}
    for name in ("lspet-dev", "synth-test"):
        near = []
        for seen in sightings(testsets.upper_parts(testsets.from_shards(shards / name)), predictor, input_px):
            part = seen.case
            if part.torso_px:
                off_px = metrics.joint_errors(seen.all_looks().points_px, part.points_px)
                near.append(100.0 * (off_px[part.labelled] < PCK_SHARE * part.torso_px))
        results[f"{name} parts"] = {"pck": metrics.figure(near, "%")}
    return results


def scored_joints(case: Case) -> np.ndarray:
    """Joints that PCK counts: all labelled by hand, not the Pelvis made of the hips where there is no 3D."""
    keep = np.ones(len(case.labelled), bool)
    if case.joints_mm is None:
        keep[skeleton.load("muco21").root] = False
    return keep


def mean_of(parts: list[np.ndarray]) -> float:
    """Mean over all values; nan without any."""
    values = np.concatenate(parts) if parts else np.zeros(0)
    return float(values.mean()) if len(values) else float("nan")


def sets(data: Path, shards: Path) -> dict[str, Iterator[Case]]:
    """Name -> cases of every set that is there."""
    found = {}
    for name, folder, reader in (("lspet-dev", shards / "lspet-dev", testsets.from_shards), ("coco_people", data / "coco_people", testsets.coco_people),
                                 ("pose2sim", data / "pose2sim", testsets.pose2sim), ("synth-test", shards / "synth-test", testsets.from_shards)):
        if folder.is_dir():
            found[name] = reader(folder)
        else:
            print(f"evaluate: {name} skipped: {folder} is absent", file=sys.stderr)
    return found


def evaluate(predictor: Predictor, input_px: int, data: Path, shards: Path) -> dict[str, dict]:
    """Figures of every set at hand; `all` holds the score table of the sets together and the score curves of one look and of all merged, as fitted
    on the photographs."""
    results, pairs, alone = {}, {}, {}
    for name, cases in sets(data, shards).items():
        seen = list(sightings(cases, predictor, input_px))
        results[name] = measure([(each.case, each.all_looks()) for each in seen])
        pairs[name] = results[name].pop("pairs")
        if name in PHOTOGRAPHS:
            alone[name] = measure([(each.case, each.one_look()) for each in seen])["pairs"]
    if pairs:
        table, rho = metrics.score_table(*joined(pairs, pairs))
        results["all"] = {"score_table": table, "score_spearman": rho}
    if alone:
        for looks, found in (("one_look", alone), ("merged", pairs)):
            curve = score_curve.fit(*joined(found, alone))
            results["all"] |= {f"score_slope_{looks}": curve.slope, f"score_offset_{looks}": curve.offset}
    return results


def joined(pairs: dict[str, tuple[np.ndarray, np.ndarray]], names) -> tuple[np.ndarray, np.ndarray]:
    """Scores and errors of the named sets, one behind the other."""
    return np.concatenate([pairs[name][0] for name in names]), np.concatenate([pairs[name][1] for name in names])


def report(results: dict[str, dict]) -> str:
    """The figures as lines of text."""
    lines = []
    for name, result in results.items():
        for key, value in result.items():
            if isinstance(value, metrics.Figure):
                if value.n:
                    lines.append(f"{name:12s} {key:14s} {value}")
            elif key == "score_table":
                lines.append(f"{name:12s} error by score " + " ".join(f"{row['error']:.3f}" for row in value) + f"  spearman {result['score_spearman']:.2f}")
            elif key != "score_spearman":
                lines.append(f"{name:12s} {key:14s} {value:.4g}")
    return "\n".join(lines)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds coco_people and pose2sim")
    parser.add_argument("--shards", type=Path, required=True, help="folder that holds lspet-dev and synth-test")
    parser.add_argument("--input-size", type=int, default=256, metavar="PX", help="crop side for a checkpoint")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write all figures there too")
    parser.add_argument("--parts", action="store_true", help="people of whom only the upper part shows")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    try:
        predictor, input_px = (onnx_predictor(args.model, args.threads) if args.model.suffix == ".onnx"
                               else torch_predictor(args.model, args.input_size))
        results = part_figures(predictor, input_px, args.data, args.shards) if args.parts else evaluate(predictor, input_px, args.data, args.shards)
    except (checkpoint.CheckpointError, OSError, ValueError) as error:
        print(f"evaluate: error: {error}", file=sys.stderr)
        return 1
    print(report(results))
    if args.json:
        args.json.write_text(json.dumps(results, default=dataclasses.asdict, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
