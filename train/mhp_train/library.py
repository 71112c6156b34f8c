"""Everything a scene draws from: bodies, poses, panoramas with their light, photographs; train and test kept apart.

Held out for tests: poses of test clips, every fourth panorama and background by sorted name (index % 4 == 3), and
bodies from other seeds.
"""
import json
import os
import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mhp_train.assets import SKIN_VERTICES, load_assets
from mhp_train.body import BodyModel, BodyParameters, random_parameters
from mhp_train.clothing import Wardrobe
from mhp_train.outfit import Look, draw_look
from mhp_train.pose import Rig

BODIES = {"train": (480, 1), "test": (96, 2)}  # how many, seed
POOL_VERSION = 1
MIN_SUN_SHARE = 0.25


@dataclass
class Body:
    """One person of the pool; `fields` are Wardrobe.limb_fields, `look` the painted skin."""

    parameters: BodyParameters
    rest_mm: np.ndarray
    rig: Rig
    fields: dict
    look: Look
    stature_mm: float


class Library:
    """Read-only; made once per process. `split` is train or test."""

    def __init__(self, data_dir, cache_dir, split, cell_mm, bathers=False):
        """`cell_mm`: see Wardrobe; 0 keeps every detail. `bathers`: everybody is dressed for bathing."""
        if split not in BODIES:
            raise ValueError(f"split {split!r}: give train or test")
        data = Path(data_dir)
        self.split, self.bathers = split, bathers
        self.assets = load_assets(data / "humans", cache_dir)
        self.model = BodyModel(self.assets)
        average = self.model.rest_vertices(BodyParameters())
        self.wardrobe = Wardrobe(self.assets, average, Rig(self.model, average), cell_mm)
        self.parameters, self.bodies = self._bodies(cache_dir)
        self.known = {}
        self._load_poses(data / "poses" / "poses.npz")
        self._load_panoramas(data / "panoramas")
        self.photos = self._load_photos(data / "panoramas" / "backgrounds.tar")

    def _bodies(self, cache_dir):
        """Parameters and rest meshes [N, V, 3]; made once (some seconds) and then mapped from the cache."""
        count, seed = BODIES[self.split]
        rng = np.random.default_rng([seed, POOL_VERSION])
        parameters = [random_parameters(rng) for _ in range(count)]
        path = Path(cache_dir) / f"bodies-{self.split}-v{POOL_VERSION}.npy"
        if not path.exists():
            meshes = np.stack([self.model.rest_vertices(p) for p in parameters])
            partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
            with open(partial, "wb") as f:
                np.save(f, meshes)
            os.replace(partial, path)
        return parameters, np.load(path, mmap_mode="r")

    def body(self, index):
        """The Body number `index`; its face and hair colour come from its number, so that it is one person."""
        if index not in self.known:
            rest, parameters = np.array(self.bodies[index]), self.parameters[index]
            rig = Rig(self.model, rest)
            rng = np.random.default_rng([BODIES[self.split][1], POOL_VERSION, index])
            look = draw_look(rng, self.wardrobe, rest, rig, parameters)
            fields = self.wardrobe.limb_fields(rest, rig)
            self.known[index] = Body(parameters, rest, rig, fields, look, float(np.ptp(rest[:SKIN_VERTICES, 1])))
        return self.known[index]

    def _load_poses(self, path):
        if not path.exists():
            raise FileNotFoundError(f"{path}: not there; --data must name the folder with humans, poses and panoramas")
        with np.load(path) as z:
            keep = z["split"] == (0 if self.split == "train" else 1)
            self.points = z["points_mm"][keep].astype(np.float64)
            self.kind = z["kind"][keep]
            self.kind_names = [str(k) for k in z["kind_names"]]
            self.mirror = z["mirror"]
        self.kind_pools = [np.flatnonzero(self.kind == k) for k in range(len(self.kind_names))]

    def _own(self, names):
        """The names of this split: every fourth by sorted name is for tests."""
        ordered = sorted(names)
        return [n for i, n in enumerate(ordered) if (i % 4 == 3) == (self.split == "test")]

    def _load_panoramas(self, folder):
        lights = {p["name"]: p for p in json.loads((folder / "lights.json").read_text())["panoramas"]}
        pictures = read_pictures(folder / "panoramas.tar")
        own = self._own(lights)
        self.lights = [lights[n] for n in own]
        self.panoramas = [pictures[lights[n]["file"]] for n in own]

    def light(self, index, turn_rad):
        """Panorama `index` turned about Y, with its light ready for the renderer; without a sun where it is weak."""
        p = self.lights[index]
        sun = p["light"]["share"] >= MIN_SUN_SHARE
        c, s = np.cos(turn_rad), np.sin(turn_rad)
        to_environment = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        return {
            "panorama": index,
            "to_environment": to_environment,
            "sh": np.array(p["sh_irradiance_without_light" if sun else "sh_irradiance"]),
            "direction": to_environment.T @ np.array(p["light"]["direction"]),
            "rgb": np.array(p["light"]["irradiance_rgb"]) if sun else np.zeros(3),
            "softness_mm": 1000 * np.tan(np.radians(min(p["light"]["half_angle_deg"], 20))),
            "exposure": p["exposure"],
            "kind": p["kind"],
        }

    def _load_photos(self, path):
        pictures = read_pictures(path)
        return [pictures[n] for n in self._own(pictures)]


def read_pictures(path):
    """{file name: uint8 RGB [H, W, 3]} of a tar of JPEGs."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".jpg"):
                data = np.frombuffer(tar.extractfile(member).read(), np.uint8)
                found[Path(member.name).name] = np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1])
    return found
