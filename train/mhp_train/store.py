"""Reading shards (see `shards`) while others write them, and writing those of real photographs.

Folders may gain, lose and replace shards while a reader is at work.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

LABELS = ("size_px", "joints_px", "joints_mm", "visible", "camera_px", "box_px", "weight2d", "has_depth")


@dataclass(frozen=True)
class Shard:
    """One file in memory; `labels[key][i]` belongs to `encoded(i)`."""

    jpeg: np.ndarray
    offset: np.ndarray
    labels: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.offset) - 1

    def encoded(self, index: int) -> np.ndarray:
        """Bytes of picture `index`, uint8 [bytes]."""
        return self.jpeg[self.offset[index]:self.offset[index + 1]]


def read(path: Path) -> Shard:
    """The shard in `path`; ValueError names a key that is missing or whose length is wrong."""
    with np.load(path) as archive:
        missing = [key for key in ("jpeg", "offset", *LABELS) if key not in archive.files]
        if missing:
            raise ValueError(f"{path}: not a shard, lacks {', '.join(missing)}")
        shard = Shard(archive["jpeg"], archive["offset"], {key: archive[key] for key in LABELS})
    for key, values in shard.labels.items():
        if len(values) != len(shard):
            raise ValueError(f"{path}: {key} has {len(values)} rows for {len(shard)} pictures")
    return shard


def write(path: Path, pictures: list[bytes], labels: dict[str, np.ndarray], meta: str = "") -> None:
    """Write a shard, all or nothing."""
    offset = np.concatenate([[0], np.cumsum([len(p) for p in pictures])]).astype(np.int64)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as stream:
        np.savez(stream, jpeg=np.frombuffer(b"".join(pictures), np.uint8), offset=offset,
                 seed=np.zeros(len(pictures), np.int64), meta=np.array(meta), **labels)
    os.replace(partial, path)


class Folder:
    """All shards of a folder, kept in memory; `rescan` follows what happens to the files."""

    def __init__(self, path: Path):
        self.path = path
        self.loaded: dict[str, tuple[tuple[int, int], Shard]] = {}
        self.order: list[Shard] = []
        self.starts = np.zeros(1, np.int64)
        self.rescan()

    def __len__(self) -> int:
        return int(self.starts[-1])

    def rescan(self) -> None:
        """Read new and changed files, forget vanished ones; an unreadable file keeps its old content, if any."""
        found: dict[str, tuple[tuple[int, int], Shard]] = {}
        for path in sorted(self.path.glob("*.npz")):
            try:
                status = path.stat()
                stamp = (status.st_mtime_ns, status.st_size)
                known = self.loaded.get(path.name)
                found[path.name] = known if known and known[0] == stamp else (stamp, read(path))
            except (OSError, ValueError, KeyError, EOFError, BadZipFile):
                if path.name in self.loaded:
                    found[path.name] = self.loaded[path.name]
        self.loaded = found
        self.order = [shard for _, shard in found.values()]
        self.starts = np.concatenate([[0], np.cumsum([len(shard) for shard in self.order])]).astype(np.int64)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Encoded picture and its labels, each without the leading n."""
        number = int(np.searchsorted(self.starts, index, side="right")) - 1
        shard, row = self.order[number], index - int(self.starts[number])
        return shard.encoded(row), {key: values[row] for key, values in shard.labels.items()}
