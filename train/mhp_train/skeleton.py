"""Joint sets, read from the same JSON that the program embeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

NAMES = ("muco21", "h36m18")


@dataclass(frozen=True)
class JointSet:
    """Joint names in order, parent of each (-1 = root), drawn edges, and the index of each joint's mirror image."""

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    edges: tuple[tuple[int, int], ...]
    mirror: tuple[int, ...]

    def index(self, joint: str) -> int:
        """Position of a joint by name."""
        return self.joints.index(joint)

    @property
    def root(self) -> int:
        """Position of the joint that depth is relative to."""
        return self.parents.index(-1)

    @property
    def mirror_index(self) -> np.ndarray:
        """int64 [J]: labels[mirror_index] are the labels of the mirrored picture."""
        return np.array(self.mirror)


@lru_cache(maxsize=None)
def load(name: str = "muco21") -> JointSet:
    """The joint set called `name`; ValueError if there is none."""
    sets = json.loads(resources.files(__package__).joinpath("skeletons.json").read_text(encoding="utf-8"))
    if name not in sets:
        raise ValueError(f"joint set {name!r} is not one of {', '.join(sets)}")
    entry = sets[name]
    mirror = list(range(len(entry["joints"])))
    for a, b in entry["mirror"]:
        mirror[a], mirror[b] = b, a
    return JointSet(name, tuple(entry["joints"]), tuple(entry["parents"]),
                    tuple((a, b) for a, b in entry["edges"]), tuple(mirror))
