"""What the training loops of the pose networks and of the detector share."""

from __future__ import annotations

import csv
import ctypes
import datetime
import math
from pathlib import Path

import torch

from . import config, kernels
from .export import MEAN, STD


def part_done(minutes: float, run) -> float:
    """How much of a run's schedule, from `run.from_minute` to `run.minutes`, is over; 0..1."""
    return min(1.0, max(0.0, (minutes - run.from_minute) / max(run.minutes - run.from_minute, 1e-9)))


def learning_rate(progress: float, settings: config.Optimiser) -> float:
    """Linear warm-up, the peak rate for a while, then a cosine to the final rate; progress in 0..1."""
    if progress < settings.warmup:
        return settings.peak_lr * (0.02 + 0.98 * progress / settings.warmup)
    ending = max(settings.warmup, settings.hold)
    part = min(1.0, max(0.0, (progress - ending) / (1 - ending)))
    return settings.final_lr + (settings.peak_lr - settings.final_lr) * (1 + math.cos(math.pi * part)) / 2


def minutes_until(clock: str, now: datetime.datetime) -> float:
    """Minutes from `now` to the next time that the clock shows HH:MM."""
    hour, minute = (int(part) for part in clock.split(":"))
    end = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return ((end - now).total_seconds() / 60) % (24 * 60)


def normalised(image: torch.Tensor, device: torch.device, bf16: bool = False) -> torch.Tensor:
    """uint8 [N,H,W,3] RGB -> float32 [N,3,H,W] in channels-last memory, as the official convention has it; where `bf16` and C routines are,
    bfloat16, which half-precision convolutions would make of it."""
    if bf16 and device.type == "cpu" and kernels.library() is not None:
        image, out = image.contiguous(), torch.empty(image.shape, dtype=torch.bfloat16)
        factor = 1 / torch.tensor(STD)
        offset = -torch.tensor(MEAN) * factor
        kernels.library().normalise(kernels.pointer(image), ctypes.c_ssize_t(image.numel() // 3), *map(kernels.pointer, (factor, offset, out)))
        return out.permute(0, 3, 1, 2)
    image = image.to(device, non_blocking=True).float()
    rows = image.view(*image.shape[:2], -1)  # torch's loops are slow over a last axis of three
    mean, std = (torch.tensor(values, device=device).repeat(image.shape[2]) for values in (MEAN, STD))
    rows.sub_(mean).div_(std)
    return image.permute(0, 3, 1, 2)


def average_into(average: list[torch.Tensor], tensors: list[torch.Tensor], decay: float) -> None:
    """average <- decay * average + (1 - decay) * tensors."""
    torch._foreach_mul_(average, decay)
    torch._foreach_add_(average, tensors, alpha=1 - decay)


class CsvLog:
    """Appends rows to a CSV file; the header comes from the first row of the file's first session."""

    def __init__(self, path: Path):
        self.path = path

    def write(self, row: dict) -> None:
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)
