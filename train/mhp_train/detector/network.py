"""The person detector: one letterboxed picture in, a score and a box a location out.

    image [N,3,H,W] -> XS's encoder -> stride 8, 16, 32, 64 -> top-down neck -> 5 values a location at strides 8, 16, 32
                                                                               (score logit, distances to the four edges)

A location is a cell of one of the three grids; the distances are logarithms in units of its stride (Tian et al., "FCOS",
ICCV 2019; top-down neck after Lin et al., CVPR 2017). The encoder's modules carry the names they have in
`mhp_train.network`, so that a pose network's encoder can be taken over. Sides of the input are multiples of 64 px.
"""
from __future__ import annotations

import math

import torch
from torch import nn

from mhp_train.network import VARIANTS, InvertedResidual, MobileHumanPose, conv_bn_prelu

STRIDES = (8, 16, 32)
TAPPED_STAGES = (1, 2, 3, 6)  # their strides: 8, 16, 32, 64
CHANNELS = 64
EXPANSION = 2
BLOCKS = (2, 2, 2, 1)  # of the neck at strides 8, 16, 32, 64
RARE = 0.01  # score of every location before training
LOG_LIMIT = 5.0  # of a distance: e^5 strides


class Detector(nn.Module):
    """[N,3,H,W] -> [N,5,M], M = HW/64 + HW/256 + HW/1024 locations, stride 8 first, each grid row by row."""

    def __init__(self, prelu_kind: str = "layer"):
        super().__init__()
        pose = MobileHumanPose(VARIANTS["xs"], 1, prelu_kind)
        self.prelu_kind = prelu_kind
        self.first_conv, self.inv_residual = pose.first_conv, pose.inv_residual
        self.taps = tuple(pose.stage_end[stage] for stage in TAPPED_STAGES)
        self.frozen_blocks = 0
        widths = [pose.inv_residual[end - 1].conv[-2].out_channels for end in self.taps]
        self.lateral = nn.ModuleList(conv_bn_prelu(width, CHANNELS, 1, 1, 1, prelu_kind) for width in widths)
        self.neck = nn.ModuleList(
            nn.Sequential(*(InvertedResidual(CHANNELS, CHANNELS, 1, EXPANSION, prelu_kind) for _ in range(count))) for count in BLOCKS)
        self.head = nn.ModuleList(conv_bn_prelu(CHANNELS, CHANNELS, 1, 1, 1, prelu_kind) for _ in STRIDES)
        self.final_layer = nn.Conv2d(CHANNELS, 5, 1)
        nn.init.normal_(self.final_layer.weight, std=0.01)
        with torch.no_grad():
            self.final_layer.bias.copy_(torch.tensor([math.log(RARE / (1 - RARE)), 0.7, 0.7, 0.7, 0.7]))

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """The tapped feature maps, finest first. The stem and `frozen_blocks` blocks learn nothing."""
        kept: list[torch.Tensor] = []
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_blocks):
            x = self.first_conv(image)
        for index, block in enumerate(self.inv_residual, start=1):
            with torch.set_grad_enabled(torch.is_grad_enabled() and index > self.frozen_blocks):
                x = block(x)
            if index in self.taps:
                kept.append(x)
        return kept

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        levels = [lateral(x) for lateral, x in zip(self.lateral, self.encode(image))]
        x = self.neck[3](levels[3])
        outputs = []
        for level in (2, 1, 0):
            x = self.neck[level](levels[level] + nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
            outputs.append(self.final_layer(self.head[level](x)).flatten(2))
        return torch.cat(outputs[::-1], dim=2)


def locations(height_px: int, width_px: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Centres float32 [M,2] (x, y in px, edge coordinates) and strides float32 [M], in the order of the outputs."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height_px // stride), torch.arange(width_px // stride), indexing="ij")
        centres.append((torch.stack([x, y], dim=-1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((len(centres[-1]),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def decode(raw: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Boxes [N,M,4] in px from the network's output [N,5,M]."""
    distances = torch.exp(raw[:, 1:].clamp(-LOG_LIMIT, LOG_LIMIT)) * strides
    x, y = centres[:, 0], centres[:, 1]
    return torch.stack([x - distances[:, 0], y - distances[:, 1], x + distances[:, 2], y + distances[:, 3]], dim=-1)


def freeze_blocks(network: Detector, count: int) -> None:
    """Let the stem and the first `count` blocks keep weights and statistics; 0 lets everything learn."""
    network.frozen_blocks = count
    for index, module in enumerate([network.first_conv, *network.inv_residual]):
        frozen = index <= count and count > 0
        for parameter in module.parameters():
            parameter.requires_grad_(not frozen)
        for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm2d)):
            norm.train(not frozen)
