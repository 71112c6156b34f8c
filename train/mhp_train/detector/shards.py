"""Shards of pictures with people's boxes: some hundred pictures in one `NAME.npz`, written whole or not at all.

Keys: `jpeg` uint8 [bytes], `offset` int64 [n + 1] (picture i is jpeg[offset[i]:offset[i + 1]]), `size_px` int32 [n, 2]
(width, height), `boxes_px` float32 [B, 4] (x1, y1, x2, y2; edges: pixel i covers [i, i + 1)), `person` uint8 [B]
(0: a region to be left out of account), `first_box` int64 [n + 1] (boxes of picture i), `meta` JSON text.
"""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np


def write_shard(path: Path, jpegs: list, sizes_px: list, boxes_px: list, person: list, meta: str) -> None:
    """Writes one shard; entry i of every list belongs to picture i."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as stream:
        np.savez(
            stream, jpeg=np.concatenate(jpegs), offset=np.cumsum([0] + [len(j) for j in jpegs]).astype(np.int64),
            size_px=np.array(sizes_px, np.int32), boxes_px=np.concatenate(boxes_px).astype(np.float32).reshape(-1, 4),
            person=np.concatenate(person).astype(np.uint8), first_box=np.cumsum([0] + [len(b) for b in boxes_px]).astype(np.int64),
            meta=np.array(meta))
    os.replace(partial, path)


@dataclass(frozen=True)
class Shard:
    """One file in memory."""

    jpeg: np.ndarray
    offset: np.ndarray
    boxes_px: np.ndarray
    person: np.ndarray
    first_box: np.ndarray

    def __len__(self) -> int:
        return len(self.offset) - 1

    def __getitem__(self, index: int):
        """(JPEG bytes uint8 [bytes], boxes_px [G, 4], person [G]) of picture `index`."""
        boxes = slice(self.first_box[index], self.first_box[index + 1])
        return self.jpeg[self.offset[index]:self.offset[index + 1]], self.boxes_px[boxes], self.person[boxes]


def read_shard(path: Path) -> Shard:
    """The shard in `path`; ValueError where a key is missing."""
    with np.load(path) as archive:
        missing = [name for name in Shard.__dataclass_fields__ if name not in archive.files]
        if missing:
            raise ValueError(f"{path}: not a shard of boxes, lacks {', '.join(missing)}; render it again")
        return Shard(*(archive[name] for name in Shard.__dataclass_fields__))
