"""From heat volume to coordinates: the same maths as the program's `postprocess`.

Spaces: cells (x, y, z index into the volume, 0..N-1) -> crop px (256 wide) and mm relative to the root joint, along the
line of sight through the crop's centre (`camera.line_of_sight`).
"""

from __future__ import annotations

import torch

CROP_PX = 256
DEPTH_MIN_MM, DEPTH_MAX_MM = -1000.0, 1000.0


def soft_argmax(volume: torch.Tensor, joints: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Expected index per axis, peak probability and marginals of the softmax over D*H*W.

    volume [N,J*D,H,W], channel = joint * D + depth -> coords [N,J,3] (x, y, z in cells), score [N,J] in (0, 1],
    plane [N,J,H*W] (sums over the depth), depth [N,J,D] (sums over the plane).
    """
    count, channels, height, width = volume.shape
    bins = channels // joints
    probability = torch.softmax(volume.float().reshape(count, joints, -1), dim=-1)
    score = probability.amax(dim=-1)
    probability = probability.reshape(count, joints, bins, height, width)
    plane, depth = probability.sum(dim=2), probability.sum(dim=(3, 4))
    coords = [expected_index(plane.sum(dim=2)), expected_index(plane.sum(dim=3)), expected_index(depth)]
    return torch.stack(coords, dim=-1), score, plane.flatten(2), depth


def expected_index(distribution: torch.Tensor) -> torch.Tensor:
    """Mean index of distributions [...,N] that sum to 1."""
    index = torch.arange(distribution.shape[-1], dtype=distribution.dtype, device=distribution.device)
    return (distribution * index).sum(dim=-1)


def cells_to_crop_px(cells, heatmap_width: int):
    """Index in the heat volume -> px of the 256 px crop."""
    return cells * (CROP_PX / heatmap_width)


def depth_index_to_mm(index, depth_bins: int):
    """Depth index -> mm relative to the root joint, away from the camera."""
    return DEPTH_MIN_MM + (DEPTH_MAX_MM - DEPTH_MIN_MM) * index / depth_bins


def mm_to_depth_index(depth_mm, depth_bins: int):
    """Inverse of `depth_index_to_mm`."""
    return (depth_mm - DEPTH_MIN_MM) / (DEPTH_MAX_MM - DEPTH_MIN_MM) * depth_bins
