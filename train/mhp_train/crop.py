"""The program's crop: given box -> square -> affine to the network's input.  Twin of Go's `preprocess`.

Pixel (0, 0) is the centre of the top left pixel in every space (OpenCV's rule).
"""

from __future__ import annotations

import cv2
import numpy as np

from .decode import CROP_PX

GIVEN_BOX_GROWTH = 1.2
CROP_MARGIN = 1.25


def tight_box(points_px: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    """x, y, w, h in px round the labelled rows of points_px [J,2]."""
    chosen = points_px[labelled]
    low, high = chosen.min(axis=0), chosen.max(axis=0)
    return np.array([*low, *(high - low)], dtype=np.float64)


def grown(box: np.ndarray, factor: float = GIVEN_BOX_GROWTH) -> np.ndarray:
    """The box (x, y, w, h) with both sides times `factor`, about its centre."""
    x, y, w, h = box
    return np.array([x - w * (factor - 1) / 2, y - h * (factor - 1) / 2, w * factor, h * factor])


def process_bbox(box: np.ndarray, width: int, height: int) -> np.ndarray | None:
    """Square crop (x, y, w, h) in image px: clipped to the picture, shorter side grown, times 1.25 (3DMPPE's rule).

    A box that begins left of or above the picture loses what lies outside, as in the program (3DMPPE keeps its width).
    None if nothing of the box lies in the picture.
    """
    x, y, w, h = box
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(width - 1.0, x + max(0.0, w - 1)), min(height - 1.0, y + max(0.0, h - 1))
    if not (w * h > 0 and right >= left and bottom >= top):
        return None
    centre_x, centre_y = (left + right) / 2, (top + bottom) / 2
    side = max(right - left, bottom - top) * CROP_MARGIN
    if side <= 0:
        return None
    return np.array([centre_x - side / 2, centre_y - side / 2, side, side])


def image_to_crop(square: np.ndarray) -> np.ndarray:
    """Affine [2,3] from image px to crop px: the square's centre goes to (128, 128), its side to 256."""
    x, y, side, _ = square
    scale = CROP_PX / side
    return np.array([[scale, 0, CROP_PX / 2 - scale * (x + side / 2)], [0, scale, CROP_PX / 2 - scale * (y + side / 2)]])


def apply_affine(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """matrix [2,3] on points [...,2]."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def inverse(matrix: np.ndarray) -> np.ndarray:
    """The affine [2,3] that undoes `matrix` [2,3]."""
    return cv2.invertAffineTransform(matrix)


def centre_px(matrix: np.ndarray) -> np.ndarray:
    """Where the middle of the crop lies in the picture [2], for the affine image px -> crop px."""
    return apply_affine(inverse(matrix), np.full(2, CROP_PX / 2))


def middle_px(input_px: int) -> float:
    """The middle, along either axis, of the first and the last of the crop's cells of 8 px of the input."""
    return CROP_PX * (1 - 8 / input_px) / 2


def mirrored(matrix: np.ndarray, input_px: int) -> np.ndarray:
    """The affine to the mirror image of the crop, about the middle of its cells, so that cells fall on cells."""
    return np.array([[-1.0], [1.0]]) * matrix + np.array([[0, 0, 2 * middle_px(input_px)], [0, 0, 0]])


def turned(matrix: np.ndarray, turn_deg: float, input_px: int) -> np.ndarray:
    """The affine to the crop turned counter-clockwise about the middle of its cells."""
    middle = middle_px(input_px)
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[cos, sin], [-sin, cos]])
    return turn @ (matrix - [[0, 0, middle], [0, 0, middle]]) + [[0, 0, middle], [0, 0, middle]]


def to_input(matrix: np.ndarray, input_px: int) -> np.ndarray:
    """The same affine for an input of `input_px` instead of 256: pixel i there lies at i * 256 / input_px of the crop."""
    return matrix * (input_px / CROP_PX)
