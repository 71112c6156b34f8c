#!/usr/bin/env python3
"""Write a MobileHumanPose network as ONNX, with the metadata that mhp checks.

    python3 scripts/export_onnx.py --variant xs --checkpoint train/checkpoints/xs.ckpt -o models/mhp-xs.onnx

Needs the package in train/ (pip install ./train) and onnxruntime 1.24 or newer.  Exit codes: 0 written, 1 failed, 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def slope_and_offset(text: str) -> tuple[float, float]:
    """"1.2,5.5" -> (1.2, 5.5); the slope is above 0."""
    slope, offset = (float(part) for part in text.split(","))
    if slope <= 0:
        raise ValueError(text)
    return slope, offset


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--variant", choices=("xs", "s", "l"), default="xs")
    p.add_argument("--checkpoint", type=Path, help="of mhp_train or of the authors; without one the weights are random")
    p.add_argument("--head", choices=("coords", "heatmap"), default="coords")
    p.add_argument("--joints", choices=("muco21", "h36m18"), default="muco21")
    p.add_argument("--prelu", choices=("layer", "channel"), help="default: as the checkpoint has it, else layer")
    p.add_argument("--normalize", choices=("graph", "outside"), default="graph",
                   help="graph: the input is RGB 0..255; outside: mean subtracted and divided by the deviation before")
    p.add_argument("--input-size", type=int, default=256, metavar="PX")
    p.add_argument("--name", default="", help="model name in the metadata (default mhp-VARIANT)")
    p.add_argument("--training-data", default="", help="text for the metadata")
    p.add_argument("--licence", default="", help="text for the metadata")
    p.add_argument("--accuracy", type=Path, metavar="JSON", help="file with an object figure name -> text")
    p.add_argument("--score-curve", type=slope_and_offset, metavar="SLOPE,OFFSET",
                   help="makes the score the chance that a joint is right; mhp_train.evaluate fits it")
    p.add_argument("--score-curve-merged", type=slope_and_offset, metavar="SLOPE,OFFSET",
                   help="the same for joints that were looked at twice, in the crop and in its mirror image")
    p.add_argument("--seed", type=int, default=0, help="of the random weights")
    p.add_argument("-o", "--output", type=Path, required=True)
    return p


def main() -> int:
    """Run the export; one line on standard error says what was proven."""
    args = parser().parse_args()
    try:
        import torch
        from mhp_train import checkpoint, export
    except ImportError as error:
        print(f"export_onnx: error: {error}; install torch and the package: pip install ./train", file=sys.stderr)
        return 1
    torch.manual_seed(args.seed)
    try:
        accuracy = json.loads(args.accuracy.read_text(encoding="utf-8")) if args.accuracy else {}
        options = export.Options(
            variant=args.variant, checkpoint=args.checkpoint, head=args.head, joints=args.joints, prelu=args.prelu,
            normalize=args.normalize, input_px=args.input_size, name=args.name, training_data=args.training_data,
            licence=args.licence, accuracy=accuracy, score_curve=args.score_curve,
            score_curve_merged=args.score_curve_merged)
        worst = export.export(options, args.output)
    except (export.ExportError, checkpoint.CheckpointError, OSError, ValueError) as error:
        print(f"export_onnx: error: {error}", file=sys.stderr)
        return 1
    print(f"{args.output}: agrees with torch ({', '.join(f'{k} {v:.2g}' for k, v in worst.items())})", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
