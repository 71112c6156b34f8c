"""What the network is trained on.

    L = l1 * |coords - target|            the paper's loss, in parts of the volume's side
      + ce_plane * CE(x, y marginal)      against a small Gaussian: what makes soft-argmax learn from random weights
      + ce_depth * CE(z marginal)         the same along the depth, where it is known
      + bone * |bone - target bone|       lengths and directions of bones, where both ends are known
      + outside * KL(uniform, x y marg.)  joints outside the crop should score low
      + near * CE(x, y marginal)          those near its edge should lie there, but not surely: against a wide Gaussian, and L1 with this part

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
from .network import upsample


@dataclass(frozen=True)
class Weights:
    """Weight of each term, the Gaussians' widths (cells of a 32-cell plane; depth bins), and by how much the volume is flattened for cross-entropies."""

    l1: float = 1.0
    ce_plane: float = 0.1
    ce_depth: float = 0.05
    bone: float = 0.0
    outside: float = 0.02
    near: float = 0.0
    near_l1: float = 0.0  # what a joint near the edge counts in l1, of one inside
    sigma_cells: float = 1.0
    sigma_least_cells: float = 0.7
    sigma_bins: float = 1.0
    sigma_near_cells: float = 4.0
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


MOST_CHANNELS, MOST_COLUMNS = 4096, 1024  # of native/marginals.c


class CMarginals(ctypes.Structure):
    """`marginals` of native/marginals.c."""

    _fields_ = [
        ("volume", ctypes.c_void_p),
        ("n", ctypes.c_ssize_t), ("height", ctypes.c_ssize_t), ("width", ctypes.c_ssize_t),
        ("joints", ctypes.c_int), ("bins", ctypes.c_int), ("enlarge", ctypes.c_int), ("flatter", ctypes.c_int), ("half", ctypes.c_int),
        ("scale", ctypes.c_float),
        ("plane", ctypes.c_void_p * 2), ("depth", ctypes.c_void_p * 2), ("total", ctypes.c_void_p * 2),
        ("peak", ctypes.c_void_p),
    ]


class NativeMarginals(torch.autograd.Function):
    """The same in C for a float32 or bfloat16 volume [N,h,w,J,D] on the CPU, enlarged on the way, of softmax(scale * volume) for one scale or for one and
    its half: -> plane, depth of the first, plane, depth of the second.  Torch's operators took a third of a training step."""

    @staticmethod
    def forward(ctx, volume, enlarge, *scales):
        volume = volume.contiguous()
        count, height, width, joints, bins = volume.shape
        kept = [torch.empty(count, joints)]
        for _ in scales:
            kept += [torch.empty(count, enlarge * height * enlarge * width, joints), torch.empty(count, joints, bins), torch.empty(count, joints)]
        ctx.enlarge, ctx.scales = enlarge, scales
        ctx.save_for_backward(volume, *kept)
        room = torch.empty((height + 1) * width * joints * bins)
        library().marginals_forward(ctypes.byref(described(volume, kept, enlarge, scales)), pointer(room))
        return tuple(tensor for index, tensor in enumerate(kept[1:]) if index % 3 < 2)

    @staticmethod
    def backward(ctx, *grads):
        volume, *kept = ctx.saved_tensors
        grad, room = torch.empty_like(volume), torch.empty(2, volume.shape[1] + 1, *volume.shape[2:])
        given = [g.contiguous() for g in grads]
        of_planes, of_depths = ((ctypes.c_void_p * 2)(*(g.data_ptr() for g in given[part::2])) for part in (0, 1))
        library().marginals_backward(ctypes.byref(described(volume, kept, ctx.enlarge, ctx.scales)), of_planes, of_depths, pointer(room), pointer(grad))
        return grad, None, *(None for _ in ctx.scales)


def described(volume: torch.Tensor, kept: list[torch.Tensor], enlarge: int, scales: tuple[float, ...]) -> CMarginals:
    """What the C routines work on; `kept`: peak, then plane, depth and total of each scale."""
    pointers = [[tensor.data_ptr() for tensor in kept[1 + part::3]] for part in range(3)]
    return CMarginals(volume.data_ptr(), *volume.shape[:3], *volume.shape[3:], enlarge, len(scales) - 1, volume.dtype == torch.bfloat16, scales[0],
                      *((ctypes.c_void_p * 2)(*each) for each in pointers), kept[0].data_ptr())


def in_c(volume: torch.Tensor, joints: int, scales: tuple[float, ...], enlarge: int) -> bool:
    """Whether the C routines take a volume [N,J*D,h,w]."""
    return (volume.device.type == "cpu" and volume.shape[1] // joints in (16, 32, 64) and volume.shape[1] <= MOST_CHANNELS
            and enlarge * volume.shape[3] <= MOST_COLUMNS and (len(scales) == 1 or scales[1] == scales[0] / 2) and library() is not None)


def marginals(volume: torch.Tensor, joints: int, *scales: float, enlarge: int = 1) -> list[torch.Tensor]:
    """volume [N,J*D,h,w] -> plane [N,H*W,J], depth [N,J,D] in float32 of softmax(scale * volume), for each of one or two `scales`
    in turn; the volume is first upsampled if `enlarge` is 2 (H = 2 h)."""
    if in_c(volume, joints, scales, enlarge):
        rows = (volume if volume.dtype == torch.bfloat16 else volume.float()).permute(0, 2, 3, 1)
        return list(NativeMarginals.apply(rows.reshape(*rows.shape[:3], joints, -1), enlarge, *scales))
    full = (upsample(volume.float()) if enlarge == 2 else volume.float()).permute(0, 2, 3, 1)
    flat = full.reshape(len(full), full.shape[1] * full.shape[2], joints, -1)
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


def plane_target(cells: torch.Tensor, height: int, width: int, sigma: float) -> torch.Tensor:
    """Normalised Gaussians [N,S,J] on the plane round the x and y of `cells` [N,J,3]."""
    across, down = gaussian(cells[..., 0], width, sigma), gaussian(cells[..., 1], height, sigma)
    return (down.unsqueeze(-1) * across.unsqueeze(-2)).flatten(2).transpose(1, 2)


def weighted_mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of values under weight; 0 where nothing counts."""
    return (values * weight).sum() / weight.sum().clamp(min=1.0)


def loss(volume: torch.Tensor, batch: Batch, weights: Weights, parents: tuple[int, ...],
         enlarge: int = 1) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Total loss of a heat volume [N,J*D,H,W], upsampled first if `enlarge` is 2, and its unweighted terms (detached)."""
    joints, height, width = batch.cells.shape[1], volume.shape[2] * enlarge, volume.shape[3] * enlarge
    if weights.ce_temperature == 1:
        plane, depth = sharp_plane, sharp_depth = marginals(volume, joints, 1.0, enlarge=enlarge)
    else:
        sharp_plane, sharp_depth, plane, depth = marginals(volume, joints, 1.0, 1 / weights.ce_temperature, enlarge=enlarge)
    coords = coordinates(sharp_plane, sharp_depth, width)
    side = torch.tensor([width, width, depth.shape[2]], device=volume.device, dtype=torch.float32)
    weight = torch.stack([batch.weight2d, batch.weight2d, batch.weight_z], dim=-1)
    l1_weight = weight + weights.near_l1 * batch.near
    sigma = max(weights.sigma_least_cells, weights.sigma_cells * width / 32)
    target = plane_target(batch.cells, height, width, sigma)
    near = batch.near[..., 0]
    log_plane = torch.log(plane + 1e-9)
    target_z = gaussian(batch.cells[..., 2], depth.shape[2], weights.sigma_bins)
    terms = {
        "l1": weighted_mean((coords - batch.cells).abs() / side, l1_weight),
        "ce_plane": weighted_mean(-(target * log_plane).sum(dim=1), batch.weight2d),
        "ce_depth": weighted_mean(-(target_z * torch.log(depth + 1e-9)).sum(dim=2), batch.weight_z),
        "outside": weighted_mean(-log_plane.mean(dim=1), batch.outside - near if weights.near > 0 else batch.outside),
    }
    if weights.near > 0:
        wide = plane_target(batch.cells, height, width, weights.sigma_near_cells * width / 32)
        terms["near"] = weighted_mean(-(wide * log_plane).sum(dim=1), near)
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
