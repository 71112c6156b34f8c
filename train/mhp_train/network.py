"""The MobileHumanPose network: one picture crop in, one heat volume a joint out.

    image [N,3,H,W] -> stem -> 17 inverted residual blocks -> embedding -> 3 x decoder -> 1x1 -> volume [N,J*D,H/s,W/s]
                                 |         |        |                       ^
                                 +---------+--------+---- skips ------------+

Choi, Choi, Kim, "MobileHumanPose", CVPRW 2021; blocks after Sandler et al., "MobileNetV2", CVPR 2018.
Channel of the volume = joint * D + depth.  The network is fully convolutional: any input whose sides are
multiples of `Variant.stride` works, and the depth axis keeps its D bins.

Modules carry the names of the authors' checkpoints (first_conv, inv_residual, last_conv, deconv0..2,
final_layer), so that their weights load without a table.

The last 1x1 convolution runs before the last upsampling, not after it as the authors have it: interpolation
weights sum to one, so the two commute exactly, and the largest layer costs a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

# (expansion, channels at width 1, blocks) of the seven stages.
STAGES = ((1, 64, 1), (6, 48, 2), (6, 48, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
STEM_CHANNELS = 48
DECODER_CHANNELS = 256
PRELU_KINDS = ("layer", "channel")


@dataclass(frozen=True)
class Variant:
    """What sets XS, S and L apart.

    name: "xs", "s" or "l"; width: channel multiplier; embedding: channels of the bottleneck;
    depth_bins: D, bins along the depth; stem_stride: 1 or 2;
    stage_strides: stride of each of the seven stages; skip_stages: stages whose output joins the decoder, deepest first.
    """

    name: str
    width: float
    embedding: int
    depth_bins: int
    stem_stride: int
    stage_strides: tuple[int, ...]
    skip_stages: tuple[int, ...]

    @property
    def stride(self) -> int:
        """Input px per cell of the deepest feature map; input sides must be multiples of it."""
        product = self.stem_stride
        for stride in self.stage_strides:
            product *= stride
        return product

    @property
    def cell_px(self) -> int:
        """Input px per cell of the heat volume."""
        return self.stride // 8


VARIANTS = {
    "xs": Variant("xs", 0.5, 128, 32, 2, (2, 2, 2, 2, 2, 1, 1), (4, 3, 2)),
    "s": Variant("s", 0.75, 512, 64, 1, (1, 2, 2, 2, 2, 2, 1), (5, 4, 3)),
    "l": Variant("l", 1.0, 2048, 64, 1, (1, 2, 2, 2, 2, 2, 1), (5, 4, 3)),
}


def round_channels(channels: float, multiple: int = 8) -> int:
    """Nearest multiple of 8 that is not below 90 % of `channels` (MobileNet's rule)."""
    rounded = max(multiple, int(channels + multiple / 2) // multiple * multiple)
    return rounded + multiple if rounded < 0.9 * channels else rounded


class LeakySlope(torch.autograd.Function):
    """PReLU with one slope a, with a cheap gradient of a.

    With g the gradient of the output, sum over x < 0 of g x = (sum g x - sum g_x x) / (1 - a), where g_x is the
    gradient of the input: two dot products instead of three passes with temporaries.
    """

    @staticmethod
    def forward(ctx, x, slope):
        ctx.alpha = slope.item()
        ctx.save_for_backward(x)
        return nn.functional.leaky_relu(x, ctx.alpha)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad_x = torch.ops.aten.leaky_relu_backward(grad, x, ctx.alpha, False)
        below = (dot(grad, x) - dot(grad_x, x)) / (1 - ctx.alpha)
        return grad_x, below.reshape(1)


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Sum of a * b over all elements, whatever the (common) memory layout."""
    if a.dim() == 4 and not a.is_contiguous():
        a, b = a.permute(0, 2, 3, 1), b.permute(0, 2, 3, 1)
    return torch.dot(a.reshape(-1), b.reshape(-1))


class LayerPReLU(nn.PReLU):
    """PReLU with one slope for the layer; on the CPU in training with the gradient of `LeakySlope`."""

    def __init__(self):
        super().__init__(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        alpha_safe = self.training and x.device.type == "cpu" and x.dtype == torch.float32
        if alpha_safe and abs(1 - self.weight.item()) > 0.05:
            return LeakySlope.apply(x, self.weight)
        return super().forward(x)


def prelu(channels: int, kind: str) -> nn.PReLU:
    """PReLU with one slope for the whole layer or one a channel."""
    if kind not in PRELU_KINDS:
        raise ValueError(f"prelu kind {kind!r} is not one of {', '.join(PRELU_KINDS)}")
    return LayerPReLU() if kind == "layer" else nn.PReLU(channels)


def conv_bn_prelu(inputs: int, outputs: int, kernel: int, stride: int, groups: int, kind: str) -> nn.Sequential:
    """Convolution without bias, batch normalisation, PReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), prelu(outputs, kind))


class InvertedResidual(nn.Module):
    """1x1 expand, 3x3 depthwise, 1x1 linear projection; identity added when shapes allow it."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, kind: str):
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(conv_bn_prelu(inputs, hidden, 1, 1, 1, kind))
        layers.append(conv_bn_prelu(hidden, hidden, 3, stride, hidden, kind))
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)
        self.identity = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.identity else self.conv(x)


class Decoder(nn.Sequential):
    """1x1 to the skip's channels, 3x3 to `outputs`, both with bias, BN and PReLU; `upsample` follows."""

    def __init__(self, inputs: int, skip: int, outputs: int, kind: str):
        super().__init__(
            nn.Conv2d(inputs + skip, skip, 1), nn.BatchNorm2d(skip), prelu(skip, kind),
            nn.Conv2d(skip, outputs, 3, padding=1), nn.BatchNorm2d(outputs), prelu(outputs, kind),
        )


def upsample(x: torch.Tensor) -> torch.Tensor:
    """Bilinear x2 with aligned corners."""
    return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)


class Upsample(nn.Module):
    """`upsample` as a module, for `accelerate`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return upsample(x)


class MobileHumanPose(nn.Module):
    """Heat volumes of `joints` joints.  Input [N,3,H,W], H and W multiples of `variant.stride`; output [N,J*D,H/c,W/c]."""

    def __init__(self, variant: Variant, joints: int, prelu_kind: str = "layer"):
        super().__init__()
        self.variant, self.joints, self.prelu_kind = variant, joints, prelu_kind
        channels = round_channels(STEM_CHANNELS * variant.width)
        self.first_conv = conv_bn_prelu(3, channels, 3, variant.stem_stride, 1, prelu_kind)
        blocks: list[nn.Module] = []
        stage_channels: list[int] = []
        self.stage_end: list[int] = []
        for (expansion, width, count), stride in zip(STAGES, variant.stage_strides):
            outputs = round_channels(width * variant.width)
            for index in range(count):
                blocks.append(InvertedResidual(channels, outputs, stride if index == 0 else 1, expansion, prelu_kind))
                channels = outputs
            stage_channels.append(outputs)
            self.stage_end.append(len(blocks))
        self.inv_residual = nn.Sequential(*blocks)
        self.last_conv = conv_bn_prelu(channels, variant.embedding, 1, 1, 1, prelu_kind)
        skips = [stage_channels[stage] for stage in variant.skip_stages]
        self.deconv0 = Decoder(variant.embedding, skips[0], DECODER_CHANNELS, prelu_kind)
        self.deconv1 = Decoder(DECODER_CHANNELS, skips[1], DECODER_CHANNELS, prelu_kind)
        self.deconv2 = Decoder(DECODER_CHANNELS, skips[2], DECODER_CHANNELS, prelu_kind)
        self.upsample = Upsample()
        self.final_layer = nn.Conv2d(DECODER_CHANNELS, joints * variant.depth_bins, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return upsample(self.coarse(image))

    def coarse(self, image: torch.Tensor) -> torch.Tensor:
        """The volume before the last upsampling, [N,J*D,H/2c,W/2c]."""
        return self.after(self.before(image, 0), 0)

    def coarse_from_part(self, image: torch.Tensor, blocks: int, part: float) -> torch.Tensor:
        """The same, but the stem and the first `blocks` blocks get their gradients from this part of the batch alone, its first pictures."""
        count = max(1, round(part * len(image)))
        learning = self.before(image[:count], blocks)
        with torch.no_grad():
            others = self.before(image[count:], blocks)
        return self.after(torch.cat([learning, others]), blocks)

    def before(self, image: torch.Tensor, blocks: int) -> torch.Tensor:
        """What the stem and the first `blocks` blocks, none of which a skip begins at, make of the image."""
        return self.inv_residual[:blocks](self.first_conv(image))

    def after(self, x: torch.Tensor, blocks: int) -> torch.Tensor:
        """The volume before the last upsampling from what `before` gave."""
        kept: list[torch.Tensor] = []
        for index, block in enumerate(self.inv_residual[blocks:], start=blocks + 1):
            x = block(x)
            if index in (self.stage_end[stage] for stage in self.variant.skip_stages):
                kept.append(x)
        x = self.last_conv(x)
        x = self.upsample(self.deconv0(torch.cat([kept.pop(), x], dim=1)))
        x = self.upsample(self.deconv1(torch.cat([kept.pop(), x], dim=1)))
        x = self.deconv2(torch.cat([kept.pop(), x], dim=1))
        return self.final_layer(x)


def build(name: str, joints: int, prelu_kind: str = "layer") -> MobileHumanPose:
    """Network `name` (xs, s, l) for 18 or 21 joints with weights drawn at random by torch's generator."""
    if name not in VARIANTS:
        raise ValueError(f"variant {name!r} is not one of {', '.join(VARIANTS)}")
    return MobileHumanPose(VARIANTS[name], joints, prelu_kind)


def parameter_count(network: nn.Module) -> int:
    """Number of trained values (batch-norm statistics not counted)."""
    return sum(p.numel() for p in network.parameters())
