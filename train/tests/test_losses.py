"""The losses: gradients, masks, and that they teach a volume."""

import pytest
import torch

from mhp_train import decode, kernels, losses, skeleton
from mhp_train.dataset import Batch

PARENTS = skeleton.load("muco21").parents


def batch_of(count, cells, weight2d=1.0, weight_z=1.0, outside=0.0, near=0.0):
    generator = torch.Generator().manual_seed(3)
    target = torch.rand(count, 21, 3, generator=generator) * (cells - 1)
    ones = torch.ones(count, 21)
    return Batch(torch.zeros(0), target, ones * weight2d, ones * weight_z, ones * outside, (ones * near).unsqueeze(-1).expand(-1, -1, 3))


def test_marginals_gradient_equals_finite_differences():
    volume = torch.randn(2, 6, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(losses.Marginals.apply, (volume,))


@pytest.mark.skipif(kernels.library() is None, reason="no C compiler")
@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5), (3.0, 1.5)])
@pytest.mark.parametrize("bins", [16, 32, 64])
@pytest.mark.parametrize("height, width, enlarge", [(3, 4, 1), (3, 4, 2), (1, 2, 2), (2, 1, 1)])
def test_marginals_in_c_equal_those_of_torch(height, width, enlarge, bins, scales, monkeypatch):
    generator = torch.Generator().manual_seed(5)
    volume = torch.randn(3, 5 * bins, height, width, generator=generator) * 4
    grads = [torch.randn(*shape, generator=generator) for _ in scales for shape in ((3, height * width * enlarge ** 2, 5), (3, 5, bins))]
    assert losses.in_c(volume, 5, scales, enlarge)
    answers = []
    for native in (False, True):
        if not native:
            monkeypatch.setattr(losses, "library", lambda: None)
        v = volume.clone().requires_grad_()
        found = losses.marginals(v, 5, *scales, enlarge=enlarge)
        torch.autograd.backward(found, grads)
        answers.append([*found, v.grad])
        monkeypatch.undo()
    for expected, got in zip(*answers):
        assert torch.allclose(expected, got, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(kernels.library() is None, reason="no C compiler")
def test_marginals_in_c_of_bfloat16_equal_those_of_float32():
    generator = torch.Generator().manual_seed(6)
    volume = (torch.randn(2, 21 * 32, 3, 4, generator=generator) * 4).bfloat16().contiguous(memory_format=torch.channels_last)
    grads = [torch.randn(*shape, generator=generator) for shape in ((2, 48, 21), (2, 21, 32))]
    answers = []
    for v in (volume.clone().requires_grad_(), volume.float().requires_grad_()):
        found = losses.marginals(v, 21, 1.0, enlarge=2)
        torch.autograd.backward(found, grads)
        assert v.grad.dtype == v.dtype
        answers.append([*found, v.grad.bfloat16()])
    assert all(torch.equal(low, full) for low, full in zip(*answers))


def test_coordinates_equal_soft_argmax():
    volume = torch.randn(2, 21 * 8, 4, 6, generator=torch.Generator().manual_seed(1)) * 2
    for layout in (torch.contiguous_format, torch.channels_last):
        plane, depth = losses.marginals(volume.contiguous(memory_format=layout), 21, 1.0)
        coords = losses.coordinates(plane, depth, 6)
        assert torch.allclose(coords, decode.soft_argmax(volume, 21)[0], atol=1e-5)


def test_masked_labels_do_not_count():
    volume = torch.randn(2, 21 * 8, 8, 8, generator=torch.Generator().manual_seed(2), requires_grad=True)
    nothing = batch_of(2, 8, weight2d=0.0, weight_z=0.0)
    total, _ = losses.loss(volume, nothing, losses.Weights(), PARENTS)
    total.backward()
    assert total.item() == 0 and volume.grad.abs().max() == 0


def test_depth_mask_leaves_the_plane():
    volume = torch.randn(2, 21 * 8, 8, 8, generator=torch.Generator().manual_seed(2))
    flat = batch_of(2, 8, weight_z=0.0)
    moved = Batch(flat.image, flat.cells + torch.tensor([0.0, 0.0, 2.0]), flat.weight2d, flat.weight_z, flat.outside, flat.near)
    weights = losses.Weights(bone=0.5)
    assert torch.equal(losses.loss(volume, flat, weights, PARENTS)[0], losses.loss(volume, moved, weights, PARENTS)[0])


def test_descent_finds_the_targets():
    torch.manual_seed(0)
    batch = batch_of(1, 8)
    volume = torch.zeros(1, 21 * 8, 8, 8, requires_grad=True)
    optimiser = torch.optim.Adam([volume], lr=0.3)
    for _ in range(250):
        optimiser.zero_grad()
        losses.loss(volume, batch, losses.Weights(), PARENTS)[0].backward()
        optimiser.step()
    coords, *_ = decode.soft_argmax(volume.detach(), 21)
    assert (coords - batch.cells).abs().mean() < 0.3


def test_outside_term_flattens_the_plane():
    volume = torch.zeros(1, 21 * 8, 8, 8)
    volume[:, :, 3, 3] = 8.0
    batch = batch_of(1, 8, weight2d=0.0, weight_z=0.0, outside=1.0)
    peaked, flat = (losses.loss(v, batch, losses.Weights(), PARENTS)[0] for v in (volume, volume * 0))
    assert flat < peaked


def test_joints_near_the_edge_lie_there_but_not_surely():
    """Learnt by descent: the place, wide; with an L1 part too; far from the flat volume of joints that are anywhere outside."""
    inside, near = batch_of(1, 32), batch_of(1, 32, weight2d=0.0, weight_z=0.0, outside=1.0, near=1.0)
    edge = near.cells.clone()
    edge[..., 1] = 31.0
    weights = losses.Weights(near=0.2, near_l1=1.0, outside=0.2, ce_temperature=2.0)
    peaks = []
    for batch in (Batch(inside.image, edge, *(getattr(inside, name) for name in ("weight2d", "weight_z", "outside", "near"))),
                  Batch(near.image, edge, *(getattr(near, name) for name in ("weight2d", "weight_z", "outside", "near")))):
        volume = torch.zeros(1, 21 * 4, 32, 32, requires_grad=True)
        optimiser = torch.optim.Adam([volume], lr=0.3)
        for _ in range(150):
            optimiser.zero_grad()
            losses.loss(volume, batch, weights, PARENTS)[0].backward()
            optimiser.step()
        coords, peak, *_ = decode.soft_argmax(volume.detach(), 21)
        assert (coords - edge)[..., :2].abs().mean() < 2.0
        peaks.append(peak.mean().item())
    assert peaks[1] < 0.5 * peaks[0]


def test_temperature_sharpens_coordinates_only():
    volume = torch.randn(2, 21 * 8, 8, 8, generator=torch.Generator().manual_seed(4)) * 2
    batch = batch_of(2, 8)
    plain = losses.loss(volume, batch, losses.Weights(), PARENTS)[1]
    warm = losses.loss(volume * 2, batch, losses.Weights(ce_temperature=2.0), PARENTS)[1]
    assert torch.allclose(plain["ce_plane"], warm["ce_plane"]) and torch.allclose(plain["ce_depth"], warm["ce_depth"])
    sharp = decode.soft_argmax(volume * 2, 21)[0]
    expected = ((sharp - batch.cells).abs() / 8).mean()
    assert torch.allclose(warm["l1"], expected, atol=1e-5) and not torch.allclose(plain["l1"], expected, atol=1e-3)
