"""Soft-argmax against a plain numpy twin, and the units."""

import numpy as np
import pytest
import torch

from mhp_train import decode


def plain_soft_argmax(volume, joints):
    """One joint, one voxel at a time: volume [J*D,H,W] -> coords [J,3], score [J]."""
    depth = volume.shape[0] // joints
    coords, scores = np.zeros((joints, 3)), np.zeros(joints)
    for joint in range(joints):
        part = volume[joint * depth:(joint + 1) * depth].astype(np.float64)
        weight = np.exp(part - part.max())
        weight /= weight.sum()
        for z, y, x in np.ndindex(*part.shape):
            coords[joint] += weight[z, y, x] * np.array([x, y, z])
        scores[joint] = weight.max()
    return coords, scores


def test_soft_argmax_equals_the_plain_twin():
    volume = torch.randn(2, 3 * 4, 5, 6, generator=torch.Generator().manual_seed(0)) * 3
    coords, score, plane, depth = decode.soft_argmax(volume, 3)
    for index in range(2):
        expected, peak = plain_soft_argmax(volume[index].numpy(), 3)
        assert np.allclose(coords[index], expected, atol=1e-5)
        assert np.allclose(score[index], peak, atol=1e-6)


def test_a_single_peak_is_found():
    volume = torch.zeros(1, 2 * 8, 4, 4)
    volume[0, 8 + 5, 2, 3] = 60.0
    coords, score, *_ = decode.soft_argmax(volume, 2)
    assert torch.allclose(coords[0, 1], torch.tensor([3.0, 2.0, 5.0]))
    assert score[0, 1] == pytest.approx(1) and score[0, 0] == pytest.approx(1 / 128)


def test_units():
    assert decode.cells_to_crop_px(16.0, 32) == 128
    assert decode.depth_index_to_mm(16.0, 32) == 0
    assert decode.depth_index_to_mm(33.0, 64) == pytest.approx(31.25)
    assert decode.mm_to_depth_index(decode.depth_index_to_mm(5.5, 32), 32) == pytest.approx(5.5)
