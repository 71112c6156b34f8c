"""Boxes (x1, y1, x2, y2) in edge coordinates: pixel i covers [i, i + 1), so scaling a picture only multiplies.

Box-for-box functions take numpy arrays; `giou` takes tensors.
"""
from __future__ import annotations

import cv2
import numpy as np
import torch

GREY = 114


def letterbox(picture: np.ndarray, width_px: int, height_px: int) -> tuple[np.ndarray, float]:
    """uint8 [height, width, 3]: `picture` scaled to fit, in the top left corner, the rest grey; and the scale."""
    height, width = picture.shape[:2]
    scale = min(width_px / width, height_px / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.full((height_px, width_px, 3), GREY, np.uint8)
    canvas[:size[1], :size[0]] = resized(picture, size)
    return canvas, scale


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`picture` at (width, height): areas averaged when it shrinks, linear when it grows."""
    shrinks = size[0] < picture.shape[1] or size[1] < picture.shape[0]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def mirrored(boxes: np.ndarray, width: float) -> np.ndarray:
    """[N,4] in the mirror image of a picture so wide."""
    return boxes[:, [2, 1, 0, 3]] * np.float32([-1, 1, -1, 1]) + np.float32([width, 0, width, 0])


def areas(boxes: np.ndarray) -> np.ndarray:
    """[N,4] -> [N]; 0 for boxes turned inside out."""
    return np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1)


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Common area [N,M] of boxes [N,4] and [M,4]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    return np.prod(np.clip(high - low, 0, None), axis=-1)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union [N,M] of boxes [N,4] and [M,4]."""
    common = overlaps(a, b)
    return common / np.maximum(areas(a)[:, None] + areas(b)[None] - common, 1e-9)


def nms(boxes: np.ndarray, scores: np.ndarray, limit: float, most: int = 200) -> np.ndarray:
    """Indices of the boxes kept, best first: each drops all worse ones that overlap it by more than `limit` (IoU)."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order) and len(kept) < most:
        best, order = order[0], order[1:]
        kept.append(int(best))
        order = order[iou(boxes[best:best + 1], boxes[order])[0] <= limit]
    return np.array(kept, np.int64)


def giou(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised and plain IoU [N] of boxes [N,4] and [N,4] (Rezatofighi et al., CVPR 2019)."""
    area_a, area_b = ((box[:, 2:] - box[:, :2]).clamp(min=0).prod(dim=1) for box in (a, b))
    common = (torch.minimum(a[:, 2:], b[:, 2:]) - torch.maximum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1)
    union = (area_a + area_b - common).clamp(min=1e-6)
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).clamp(min=0).prod(dim=1).clamp(min=1e-6)
    plain = common / union
    return plain - (hull - union) / hull, plain
