"""Training while the first blocks rest: what they see of a crop is kept and learnt from several times.

The first blocks work on the largest maps: with the stem and three blocks at rest, whose part of the forward pass is paid for once in
`times` uses, a crop of XS costs about half of a whole step.
"""

from __future__ import annotations

import numpy as np
import torch

from .dataset import Batch


class Reuse:
    """The last `room` crops with the features of the resting blocks in place of the image [N,C,h,w], each drawn about `times` times."""

    def __init__(self, times: int, room: int, seed: int):
        self.times, self.room = times, room
        self.rng = np.random.default_rng([seed, 1])
        self.kept: list[torch.Tensor] = []
        self.filled = self.next = 0

    def mixed(self, features: torch.Tensor, labels: Batch) -> Batch:
        """A batch `times` as large as the new crops, which it begins with; the others are drawn from earlier ones (fewer in the beginning)."""
        new = [features.permute(0, 2, 3, 1), *(getattr(labels, name) for name in Batch.__dataclass_fields__ if name != "image")]
        count = len(features)
        if not self.kept:
            self.kept = [torch.empty(self.room, *column.shape[1:], dtype=column.dtype) for column in new]
        older = torch.from_numpy(self.rng.choice(self.filled, min(self.filled, count * (self.times - 1)), replace=False))
        columns = [torch.cat([column, kept[older]]) for column, kept in zip(new, self.kept)]
        places = torch.arange(self.next, self.next + count) % self.room
        for column, kept in zip(new, self.kept):
            kept[places] = column
        self.next = (self.next + count) % self.room
        self.filled = min(self.room, self.filled + count)
        return Batch(columns[0].permute(0, 3, 1, 2), *columns[1:])
