"""CPU time of the parts of a training step, on random pictures: no data is needed.

    OMP_NUM_THREADS=1 python3 -m mhp_train.step_time --config train/runs/xs.toml [--input-px 256] [--batch 32] [--key=value]

Medians of 15 steps in milliseconds a picture, of one thread, while other processes may run.  --freeze_norm=0.0 measures
with frozen batch norm, MHP_TRAIN_NATIVE=off leaves out the C routines of train/native.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

from . import config, frozen, losses, optimisers, skeleton
from .accelerate import accelerate
from .dataset import Batch
from .loop import normalised
from .network import build

STEPS, FIRST_STEPS = 15, 3


def random_batch(count: int, joints: int, bins: int, input_px: int) -> Batch:
    """Noise with joints anywhere, all labelled."""
    cells = torch.rand(count, joints, 3) * torch.tensor([input_px // 8 - 1, input_px // 8 - 1, bins - 1])
    every = torch.ones(count, joints)
    return Batch(torch.randint(0, 256, (count, input_px, input_px, 3), dtype=torch.uint8), cells, every, every, torch.zeros(count, joints), torch.zeros(count, joints, 3))


def step_ms(run: config.Run, input_px: int, count: int) -> dict[str, float]:
    """Median CPU time of each part of a step in ms, for a whole batch."""
    joints = skeleton.load(run.joints)
    network = build(run.variant, len(joints.joints), run.prelu).to(memory_format=torch.channels_last).train()
    accelerate(network)
    partly = run.freeze_norm == 0 and run.front.part < 1
    if run.freeze_norm == 0:
        frozen.freeze(network)
    steppers = optimisers.build(network, run.optimiser.kind, run.optimiser.peak_lr, run.optimiser.weight_decay, run.optimiser.muon_rate, run.bf16)
    batch = random_batch(count, len(joints.joints), network.variant.depth_bins, input_px)
    times: dict[str, list[float]] = {}
    for step in range(FIRST_STEPS + STEPS):
        marks = [time.process_time()]

        def mark() -> None:
            marks.append(time.process_time())

        image = normalised(batch.image, torch.device("cpu"), run.bf16)
        mark()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=run.bf16):
            volume = network.coarse_from_part(image, run.front.blocks, run.front.part) if partly else network.coarse(image)
        mark()
        total, _ = losses.loss(volume, batch, run.loss, joints.parents, enlarge=2)
        mark()
        network.zero_grad(set_to_none=True)
        total.backward()
        mark()
        for stepper in steppers:
            stepper.step()
        mark()
        if step >= FIRST_STEPS:
            for name, before, after in zip(("normalise", "forward", "loss", "backward", "optimiser"), marks, marks[1:]):
                times.setdefault(name, []).append(1000 * (after - before))
            times.setdefault("all", []).append(1000 * (marks[-1] - marks[0]))
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--input-px", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    args, overrides = parser.parse_known_args()
    torch.set_num_threads(1)
    try:
        run = config.parse(args.config.read_text(encoding="utf-8"), overrides)
    except (config.ConfigError, OSError, ValueError) as error:
        print(f"step_time: error: {error}", file=sys.stderr)
        return 1
    for name, ms in step_ms(run, args.input_px, args.batch).items():
        print(f"{name:10} {ms / args.batch:7.3f} ms a picture")
    return 0


if __name__ == "__main__":
    sys.exit(main())
