"""Random changes to one training sample: one affine warp, one lookup table, an erased rectangle, blur.

A flip is part of the affine; labels follow by the mirror index.  Everything is drawn from the generator given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from .decode import CROP_PX


@dataclass(frozen=True)
class Settings:
    """Strengths.  Angles in degrees, shifts as part of the crop's side, chances in 0..1."""

    rotate_chance: float = 0.6
    rotate_sigma_deg: float = 30.0
    rotate_limit_deg: float = 90.0
    any_angle_chance: float = 0.0
    scale_sigma: float = 0.18
    shift_sigma: float = 0.05
    flip_chance: float = 0.5
    colour: float = 0.25
    grey_chance: float = 0.05
    erase_chance: float = 0.4
    blur_chance: float = 0.1
    noise_chance: float = 0.1
    part_chance: float = 0.0
    hide_face_chance: float = 0.0


# Ends of a box that a part keeps, and how often; how much of the length it keeps; how often the picture ends there too.
PART_ENDS = {"top": 0.7, "bottom": 0.1, "left": 0.1, "right": 0.1}
PART_KEPT = (0.35, 0.85)
PART_ENDS_PICTURE_CHANCE = 0.6


def part_of(box: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str | None]:
    """The box (x, y, w, h) of somebody of whom only a part shows, and the end that is kept if the picture ends there (else None)."""
    end = str(rng.choice(list(PART_ENDS), p=list(PART_ENDS.values())))
    axis = 0 if end in ("left", "right") else 1
    kept = box.copy()
    kept[2 + axis] *= rng.uniform(*PART_KEPT)
    if end in ("right", "bottom"):
        kept[axis] += box[2 + axis] - kept[2 + axis]
    return kept, end if rng.random() < PART_ENDS_PICTURE_CHANCE else None


def end_picture(picture: np.ndarray, box: np.ndarray, kept: str) -> None:
    """Black out what lies beyond the side of `box` (in px of the picture) opposite to the kept end, in place."""
    x, y, w, h = box
    if kept == "top":
        picture[max(0, round(y + h)):] = 0
    elif kept == "bottom":
        picture[:max(0, round(y))] = 0
    elif kept == "left":
        picture[:, max(0, round(x + w)):] = 0
    else:
        picture[:, :max(0, round(x))] = 0


def warp_matrix(rng: np.random.Generator, settings: Settings) -> tuple[np.ndarray, bool]:
    """Affine [2,3] from crop px to augmented crop px, and whether it mirrors."""
    angle = 0.0
    if rng.random() < settings.rotate_chance:
        angle = float(np.clip(rng.normal(0, settings.rotate_sigma_deg), -settings.rotate_limit_deg, settings.rotate_limit_deg))
    if rng.random() < settings.any_angle_chance:
        angle = rng.uniform(-180, 180)
    scale = math.exp(float(np.clip(rng.normal(0, settings.scale_sigma), -0.4, 0.4)))
    shift = np.clip(rng.normal(0, settings.shift_sigma, 2), -0.15, 0.15) * CROP_PX
    flipped = rng.random() < settings.flip_chance
    cos, sin = scale * math.cos(math.radians(angle)), scale * math.sin(math.radians(angle))
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if flipped else 1.0, 1.0])
    centre = np.full(2, CROP_PX / 2)
    return np.column_stack([linear, centre + shift - linear @ centre]), flipped


def colour_table(rng: np.random.Generator, strength: float) -> np.ndarray:
    """Lookup table uint8 [1,256,3]: gamma, contrast, brightness and a gain a channel."""
    grey = np.arange(256, dtype=np.float32) / 255
    grey = grey ** math.exp(rng.uniform(-strength, strength))
    contrast = 1 + rng.uniform(-strength, strength)
    curve = (grey - 0.5) * contrast + 0.5 + rng.uniform(-strength, strength) / 2
    gains = 1 + rng.uniform(-strength, strength, 3) / 2
    return np.clip(curve[:, None] * gains * 255, 0, 255).astype(np.uint8)[None]


def change_pixels(picture: np.ndarray, rng: np.random.Generator, settings: Settings) -> np.ndarray:
    """Colour, grey, blur, noise and erasing on uint8 [H,W,3]."""
    if settings.colour > 0:
        picture = cv2.LUT(picture, colour_table(rng, settings.colour))
    if rng.random() < settings.grey_chance:
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < settings.blur_chance:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2) * picture.shape[0] / 128)
    if rng.random() < settings.noise_chance:
        noise = rng.standard_normal(picture.shape[:2], dtype=np.float32) * rng.uniform(2, 12)
        picture = cv2.add(picture, cv2.merge([noise] * 3), dtype=cv2.CV_8U)
    if rng.random() < settings.erase_chance:
        erase(picture, rng)
    return picture


def hide_face(picture: np.ndarray, centre: np.ndarray, size_px: float, rng: np.random.Generator) -> None:
    """Make a face unknowable as published videos do, in place: coarse cells or a blur over a square of about `size_px` round `centre` (x, y)."""
    half = size_px * rng.uniform(0.35, 0.6)
    middle = centre + size_px * rng.uniform(-0.1, 0.1, 2)
    left, top, right, bottom = np.maximum(np.round(np.concatenate([middle - half, middle + half])), 0).astype(int)
    face = picture[top:bottom, left:right]
    if min(face.shape[:2]) < 3:
        return
    if rng.random() < 0.6:
        cells = int(rng.integers(2, 7))
        coarse = cv2.resize(face, (min(cells, face.shape[1]), min(cells, face.shape[0])), interpolation=cv2.INTER_AREA)
        face[:] = cv2.resize(coarse, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_NEAREST)
    else:
        face[:] = cv2.GaussianBlur(face, (0, 0), size_px * rng.uniform(0.12, 0.3))


def erase(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Fill a random rectangle of 2 to 15 % of the picture with noise or one colour, in place."""
    side = picture.shape[0]
    area, ratio = rng.uniform(0.02, 0.15) * side * side, math.exp(rng.uniform(-1, 1))
    width, height = min(side, int(math.sqrt(area * ratio))), min(side, int(math.sqrt(area / ratio)))
    x, y = rng.integers(0, side - width + 1), rng.integers(0, side - height + 1)
    region = picture[y:y + height, x:x + width]
    region[:] = rng.integers(0, 256, region.shape if rng.random() < 0.5 else 3, dtype=np.uint8)
