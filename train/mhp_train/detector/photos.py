"""Real pictures for the detector: LSPET's photographs with one labelled person each, and backdrops without people."""
from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from mhp_train import skeleton
from mhp_train.library import read_pictures

# How far people reach beyond their labelled joints, fitted on 494 rendered people (mean IoU 0.89 with the box of what is seen).
HAND, FOOT = 0.4, 0.1  # parts of forearm and shank that follow wrist and ankle
HEAD = 0.3  # half the head's breadth, part of the distance from the base of the neck to the crown
MARGIN = 0.06  # part of the square root of the box's area, on all sides


def person_box(joints_px: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """float32 [4] (x1, y1, x2, y2): the box that a person with muco21 joints [21,2] (pixel centres at integers) fills."""
    joints = skeleton.load("muco21")
    index = {name: joints.index(name) for name in joints.joints}
    points = [joints_px[labelled] + 0.5]
    for side in "LR":
        for near, far, share in (("Elbow", "Wrist", HAND), ("Knee", "Ankle", FOOT)):
            a, b = index[f"{side}_{near}"], index[f"{side}_{far}"]
            if labelled[a] and labelled[b]:
                points.append((joints_px[b] + share * (joints_px[b] - joints_px[a]) + 0.5)[None])
    crown, neck = index["Head_top"], index["Thorax"]
    if labelled[crown] and labelled[neck]:
        middle = (joints_px[crown] + joints_px[neck]) / 2 + 0.5
        radius = HEAD * np.linalg.norm(joints_px[crown] - joints_px[neck])
        points.append(middle + radius * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]))
    every = np.concatenate(points)
    low, high = every.min(0), every.max(0)
    margin = MARGIN * np.sqrt(np.prod(high - low))
    return np.concatenate([low - margin, high + margin]).astype(np.float32)


class Backdrops:
    """Photographs and panoramas without people; `held_out` chooses every fourth by sorted name, never trained on, or the others."""

    def __init__(self, panoramas: Path, held_out: bool):
        lights = {p["name"]: p["file"] for p in json.loads((panoramas / "lights.json").read_text())["panoramas"]}
        round_views, flat = read_pictures(panoramas / "panoramas.tar"), read_pictures(panoramas / "backgrounds.tar")
        self.panoramas = [round_views[lights[name]] for i, name in enumerate(sorted(lights)) if (i % 4 == 3) == held_out]
        self.photos = [flat[name] for i, name in enumerate(sorted(flat)) if (i % 4 == 3) == held_out]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """A random photograph (two thirds) or view of a panorama, uint8 RGB."""
        if rng.random() < 0.67:
            return self.photos[int(rng.integers(len(self.photos)))]
        panorama = self.panoramas[int(rng.integers(len(self.panoramas)))]
        size = (320, 240) if rng.random() < 0.7 else (240, 320)
        return view(panorama, rng.uniform(0, 360), float(np.clip(rng.normal(-3, 14), -50, 40)), rng.uniform(50, 105), size)


def view(panorama: np.ndarray, yaw_deg: float, pitch_deg: float, field_deg: float, size_px: tuple[int, int]) -> np.ndarray:
    """What a camera in the middle of an equirectangular panorama sees; positive pitch looks up, `field_deg` across the longer side."""
    width, height = size_px
    focal = max(width, height) / 2 / np.tan(np.radians(field_deg) / 2)
    x, y = np.meshgrid((np.arange(width) - (width - 1) / 2) / focal, (np.arange(height) - (height - 1) / 2) / focal)
    pitch = np.radians(pitch_deg)
    ahead, up = np.cos(pitch) + y * np.sin(pitch), np.sin(pitch) - y * np.cos(pitch)
    azimuth = np.arctan2(x, ahead) + np.radians(yaw_deg)
    polar = np.arctan2(np.hypot(x, ahead), up)
    rows, columns = panorama.shape[:2]
    u = ((azimuth / (2 * np.pi) + 0.5) % 1.0 * columns - 0.5).astype(np.float32)
    v = (polar / np.pi * rows - 0.5).astype(np.float32)
    return cv2.remap(panorama, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def held_out_views(panoramas: Path, turns: int = 6) -> list[np.ndarray]:
    """The pictures that false alarms are counted on: every held-out photograph, and each held-out panorama in `turns` directions."""
    backdrops = Backdrops(panoramas, held_out=True)
    views = list(backdrops.photos)
    for panorama in backdrops.panoramas:
        views += [view(panorama, 360 * turn / turns, -3, 75, (640, 480)) for turn in range(turns)]
    return views
