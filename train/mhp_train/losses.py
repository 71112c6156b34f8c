"""What the network is trained on.

    L = l1 * |coords - target|            the paper's loss, in parts of the volume's side
      + ce_plane * CE(x, y marginal)      against a small Gaussian: what makes soft-argmax learn from random weights
      + ce_depth * CE(z marginal)         the same along the depth, where it is known
      + bone * |bone - target bone|       lengths and directions of bones, where both ends are known
      + outside * KL(uniform, x y marg.)  joints outside the crop should score low

All terms are means over the labels that count.  The cross-entropies, and the term of joints outside, see the volume divided by
`ce_temperature`: they make it tell how sure the network is, while coordinates come from a sharper one.  The mean of an honest
volume lies between its modes; of a sharper one it lies near the likeliest place (see models/README.md for what that is worth).
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import torch

from .dataset import Batch
from .kernels import library, pointer


@dataclass(frozen=True)
class Weights:
    """Weight of each term, the Gaussians' widths (cells of a 32-cell plane; depth bins), and by how much the volume is flattened for cross-entropies."""

    l1: float = 1.0
    ce_plane: float = 0.1
    ce_depth: float = 0.05
    bone: float = 0.0
    outside: float = 0.02
    sigma_cells: float = 1.0
    sigma_least_cells: float = 0.7
    sigma_bins: float = 1.0
    ce_temperature: float = 1.0


class Marginals(torch.autograd.Function):
    """Volume -> marginals of its softmax, with the analytic gradient (a third of autograd's passes over the volume).

    volume [N,S,J,D] (S = H*W, any strides) -> plane [N,S,J] (sums over depth), depth [N,J,D] (sums over the plane).
    With p the softmax and a, b the gradients of the marginals: grad = p (a + b - sum(plane a) - sum(depth b)).
    """

    @staticmethod
    def forward(ctx, volume):
        p = volume - volume.amax(dim=(1, 3), keepdim=True)
        p.exp_()
        plane, depth = p.sum(dim=3), p.sum(dim=1)
        total = depth.sum(dim=2)
        plane, depth = plane / total[:, None, :], depth / total[:, :, None]
        ctx.save_for_backward(p, plane, depth, total)
        return plane, depth

    @staticmethod
    def backward(ctx, grad_plane, grad_depth):
        p, plane, depth, total = ctx.saved_tensors
        centre = (plane * grad_plane).sum(dim=1) + (depth * grad_depth).sum(dim=2)  # [N,J]
        grad = (grad_plane / total[:, None, :]).unsqueeze(3) + ((grad_depth - centre[..., None]) / total[..., None]).unsqueeze(1)
        return grad.mul_(p)


class NativeMarginals(torch.autograd.Function):
    """The same in C for a float32 volume on the CPU, of softmax(scale * volume) for each of `scales` at once:
    -> plane, depth of the first, plane, depth of the second, ...  Torch's operators took a quarter of a training step."""

    @staticmethod
    def forward(ctx, volume, *scales):
        volume = volume.contiguous()
        count, places, joints, bins = volume.shape
        ctx.scales, kept = scales, []
        for scale in scales:
            plane, depth = torch.empty(count, places, joints), torch.empty(count, joints, bins)
            peak, total = torch.empty(count, joints), torch.empty(count, joints)
            library().marginals_forward(*native_volume(volume), ctypes.c_float(scale), *map(pointer, (plane, depth, peak, total)))
            kept += [plane, depth, peak, total]
        ctx.save_for_backward(volume, *kept)
        return tuple(tensor for index, tensor in enumerate(kept) if index % 4 < 2)

    @staticmethod
    def backward(ctx, *grads):
        volume, *kept = ctx.saved_tensors
        grad = torch.empty_like(volume)
        for index, scale in enumerate(ctx.scales):
            given = [g.contiguous() for g in grads[2 * index:2 * index + 2]]
            library().marginals_backward(*native_volume(volume), ctypes.c_float(scale), *map(pointer, (*kept[4 * index:4 * index + 4], *given)),
                                         int(index > 0), pointer(grad))
        return grad, *(None for _ in ctx.scales)


def native_volume(volume: torch.Tensor) -> tuple:
    """A volume [N,S,J,D] as the C routines take it."""
    count, places, joints, bins = volume.shape
    return pointer(volume), ctypes.c_ssize_t(count), ctypes.c_ssize_t(places), joints, bins


def marginals(volume: torch.Tensor, joints: int, *scales: float) -> list[torch.Tensor]:
    """volume [N,J*D,H,W] -> plane [N,H*W,J], depth [N,J,D] in float32 of softmax(scale * volume), for each of `scales` in turn."""
    count, channels, height, width = volume.shape
    flat = volume.float().permute(0, 2, 3, 1).reshape(count, height * width, joints, channels // joints)
    if flat.device.type == "cpu" and library() is not None:
        return list(NativeMarginals.apply(flat, *scales))
    return [tensor for scale in scales for tensor in Marginals.apply(flat * scale)]


def coordinates(plane: torch.Tensor, depth: torch.Tensor, width: int) -> torch.Tensor:
    """Expected x, y, z [N,J,3] in cells from the marginals of a volume `width` cells wide."""
    cell = torch.arange(plane.shape[1], device=plane.device)
    grid = torch.stack([cell % width, torch.div(cell, width, rounding_mode="floor")]).to(plane.dtype)  # [2,S]
    xy = torch.einsum("ks,nsj->njk", grid, plane)
    z = (depth * torch.arange(depth.shape[2], device=depth.device, dtype=depth.dtype)).sum(dim=2, keepdim=True)
    return torch.cat([xy, z], dim=2)


def gaussian(centre: torch.Tensor, size: int, sigma: float) -> torch.Tensor:
    """Normalised Gaussians [...,size] round `centre` [...] on the cells 0..size-1."""
    cell = torch.arange(size, device=centre.device, dtype=centre.dtype)
    return torch.softmax(-((cell - centre.unsqueeze(-1)) ** 2) / (2 * sigma * sigma), dim=-1)


def weighted_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of values under weight; 0 where nothing counts."""
    return (values * weight).sum() / weight.sum().clamp(min=1.0)


def loss(volume: torch.Tensor, batch: Batch, weights: Weights, parents: tuple[int, ...]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Total loss of a heat volume [N,J*D,H,W] and its unweighted terms (detached)."""
    joints, width = batch.cells.shape[1], volume.shape[3]
    if weights.ce_temperature == 1:
        plane, depth = sharp_plane, sharp_depth = marginals(volume, joints, 1.0)
    else:
        sharp_plane, sharp_depth, plane, depth = marginals(volume, joints, 1.0, 1 / weights.ce_temperature)
    coords = coordinates(sharp_plane, sharp_depth, width)
    side = torch.tensor([width, width, depth.shape[2]], device=volume.device, dtype=torch.float32)
    weight = torch.stack([batch.weight2d, batch.weight2d, batch.weight_z], dim=-1)
    sigma = max(weights.sigma_least_cells, weights.sigma_cells * width / 32)
    target_x = gaussian(batch.cells[..., 0], width, sigma)
    target_y = gaussian(batch.cells[..., 1], volume.shape[2], sigma)
    target = (target_y.unsqueeze(-1) * target_x.unsqueeze(-2)).flatten(2).transpose(1, 2)  # [N,S,J]
    log_plane = torch.log(plane + 1e-9)
    target_z = gaussian(batch.cells[..., 2], depth.shape[2], weights.sigma_bins)
    terms = {
        "l1": weighted_mean((coords - batch.cells).abs() / side, weight),
        "ce_plane": weighted_mean(-(target * log_plane).sum(dim=1), batch.weight2d),
        "ce_depth": weighted_mean(-(target_z * torch.log(depth + 1e-9)).sum(dim=2), batch.weight_z),
        "outside": weighted_mean(-log_plane.mean(dim=1), batch.outside),
    }
    if weights.bone > 0:
        terms["bone"] = bone_term(coords / side, batch.cells / side, weight, parents)
    total = sum(getattr(weights, name) * term for name, term in terms.items())
    return total, {name: term.detach() for name, term in terms.items()}


def bone_term(coords, target, weight, parents: tuple[int, ...]) -> torch.Tensor:
    """Mean L1 between bone vectors, in parts of the volume's side."""
    child = [joint for joint, parent in enumerate(parents) if parent >= 0]
    parent = [parents[joint] for joint in child]
    error = (coords[:, child] - coords[:, parent]) - (target[:, child] - target[:, parent])
    return weighted_mean(error.abs(), weight[:, child] * weight[:, parent])
