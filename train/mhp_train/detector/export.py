"""The detector as ONNX: batch norm and normalisation folded in, boxes decoded in the graph, metadata beside, proven against ONNX Runtime.

    python3 -m mhp_train.detector.export --checkpoint train/checkpoints/detector.ckpt --score 0.24 -o models/mhp-detector.onnx

Input `image` [N,3,320,384] float32, RGB 0..255, letterboxed into the top left corner, the rest grey 114.
Outputs `boxes` [N,M,4] (x1, y1, x2, y2 in input px; 0 = the left or upper edge of the picture, pixel i covers [i, i + 1))
and `scores` [N,M] in 0..1.  No suppression of boxes that overlap: that is the program's.
"""
from __future__ import annotations

import argparse
import io
import json
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from mhp_train import checkpoint, onnx_metadata
from mhp_train.export import MEAN, OPSET, STD, ExportError, fold_deviation, folded, joined, write_atomically
from mhp_train.network import parameter_count
from .boxes import GREY
from .network import LOG_LIMIT, Detector, decode, locations
from .weights import from_checkpoint

# Broader than high: more photographs are, and people stand beside each other.
INPUT_WIDTH_PX, INPUT_HEIGHT_PX = 384, 320
CHECK_BATCHES = (1, 4)
BOX_LIMIT_PX, SCORE_LIMIT = 2e-2, 1e-3
TRAINING_DATA = ("rendered crowds: MakeHuman bodies and clothes (CC0) in poses of CMU Mocap and others, Poly Haven panoramas (CC0), "
                 "photographs without people (CC BY, CC BY-SA); Leeds Sports Pose Extended training photographs (academic use, no licence stated)")
LICENCE = "MIT for the weights; see models/README.md for the terms of the training data"


@dataclass(frozen=True)
class Options:
    """`score`, `iou`: the thresholds to use by default; `accuracy`: figure name -> text."""

    checkpoint: Path | None = None
    score: float = 0.36
    iou: float = 0.5
    accuracy: dict[str, str] = field(default_factory=dict)


class Exportable(nn.Module):
    """image [N,3,H,W] in 0..255 -> boxes [N,M,4], scores [N,M]."""

    def __init__(self, network: nn.Module, height_px: int, width_px: int):
        super().__init__()
        self.network = network
        centres, strides = locations(height_px, width_px)
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
        # Of x1, y1, x2, y2: where the distances are counted from, and in which direction and unit.
        self.register_buffer("origin", torch.cat([centres, centres], dim=1)[None])
        self.register_buffer("unit", strides[None, :, None] * torch.tensor([-1.0, -1.0, 1.0, 1.0]))
        self.register_buffer("limit", torch.tensor([width_px, height_px] * 2).float())

    def forward(self, image: torch.Tensor):
        raw = self.network(image - self.mean).transpose(1, 2)
        boxes = self.origin + torch.exp(raw[..., 1:].clamp(-LOG_LIMIT, LOG_LIMIT)) * self.unit
        return torch.minimum(boxes.clamp(min=0.0), self.limit), torch.sigmoid(raw[..., 0])


def exportable(network: Detector) -> Exportable:
    """The folded network, ready for tracing."""
    inference = folded(network)
    fold_deviation(inference)
    return Exportable(inference, INPUT_HEIGHT_PX, INPUT_WIDTH_PX).eval()


def metadata(network: Detector, options: Options, state: dict | None) -> dict[str, str]:
    """Everything that the program needs to run the file, as strings."""
    entries = {
        "format": 1, "kind": "detector", "name": "mhp-detector", "input_width_px": INPUT_WIDTH_PX, "input_height_px": INPUT_HEIGHT_PX,
        "color_order": "rgb", "input_scale": 1, "input_mean": joined((0, 0, 0)), "input_std": joined((1, 1, 1)),
        "score_threshold": options.score, "nms_iou": options.iou, "letterbox": "topleft", "letterbox_grey": GREY,
        "trained": "true" if state else "false", "training_data": TRAINING_DATA if state else "", "licence": LICENCE if state else "MIT",
        "accuracy": json.dumps(options.accuracy), "parameters": parameter_count(network),
        "checkpoint_sha256": checkpoint.sha256(options.checkpoint) if options.checkpoint else "",
        "training_config": (state or {}).get("config", ""),
    }
    return {f"mhp.{key}": str(value) for key, value in entries.items()}


def to_onnx(module: Exportable) -> bytes:
    """Serialised ONNX model with a dynamic batch."""
    names = ["boxes", "scores"]
    arguments = dict(input_names=["image"], output_names=names, opset_version=OPSET,
                     dynamic_axes={name: {0: "batch"} for name in ["image", *names]})
    if not torch.__version__.startswith("1."):
        arguments["dynamo"] = False
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(1, 3, INPUT_HEIGHT_PX, INPUT_WIDTH_PX),), buffer, **arguments)
    return buffer.getvalue()


def check(model: bytes, network: Detector) -> dict[str, float]:
    """Worst difference between ONNX Runtime on `model` and torch on the unfolded network; ExportError past the limits."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ExportError("onnxruntime is not installed, so the export cannot be proven; pip install 'onnxruntime>=1.24'") from error
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(7)
    worst = {"boxes, px": 0.0, "scores": 0.0}
    for batch in CHECK_BATCHES:
        image = torch.rand(batch, 3, INPUT_HEIGHT_PX, INPUT_WIDTH_PX, generator=generator) * 255
        with torch.no_grad():
            raw = network((image - torch.tensor(MEAN).reshape(1, 3, 1, 1)) / torch.tensor(STD).reshape(1, 3, 1, 1))
        limit = torch.tensor([INPUT_WIDTH_PX, INPUT_HEIGHT_PX] * 2)
        wanted = decode(raw, *locations(INPUT_HEIGHT_PX, INPUT_WIDTH_PX)).clamp(min=0.0).minimum(limit), torch.sigmoid(raw[:, 0])
        got = session.run(["boxes", "scores"], {"image": image.numpy()})
        for (figure, before), ours, theirs, limit in zip(list(worst.items()), wanted, got, (BOX_LIMIT_PX, SCORE_LIMIT)):
            worst[figure] = max(before, float((ours - torch.from_numpy(theirs)).abs().max()))
            if not worst[figure] <= limit:
                raise ExportError(f"ONNX Runtime and torch differ at batch {batch}: {figure} {worst[figure]:.3g}, limit {limit:g}; nothing written")
    return worst


def export(options: Options, output: Path) -> dict[str, float]:
    """Write the detector (random weights without a checkpoint) to `output`; returns the measured differences, writes nothing past the limits."""
    network, state = from_checkpoint(options.checkpoint) if options.checkpoint else (Detector().eval(), None)
    model = onnx_metadata.append(to_onnx(exportable(network)), metadata(network, options, state))
    worst = check(model, network)
    write_atomically(output, model)
    return worst


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, help="of mhp_train.detector.train; without one the weights are random")
    parser.add_argument("--score", type=float, default=Options.score, help="lowest score to use by default")
    parser.add_argument("--iou", type=float, default=Options.iou, help="overlap from which on the worse box goes, by default")
    parser.add_argument("--accuracy", type=Path, metavar="JSON", help="file with an object figure name -> text")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    try:
        accuracy = json.loads(args.accuracy.read_text(encoding="utf-8")) if args.accuracy else {}
        worst = export(Options(args.checkpoint, args.score, args.iou, accuracy), args.output)
    except (ExportError, checkpoint.CheckpointError, OSError, ValueError) as error:
        print(f"detector.export: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: agrees with torch ({', '.join(f'{k} {v:.2g}' for k, v in worst.items())})", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
