"""Batch norm with the running statistics in training: each is folded into the convolution before it, step by step.

    conv -> norm -> PReLU   becomes   conv with weight * scale and a bias -> PReLU

with scale = gamma / deviation: the gradients of weight, gamma and beta come from those of the folded weight and bias, which are small,
and nothing passes over the activations for it.  The PReLU before a depthwise convolution and the one behind it are computed with it.
"""

from __future__ import annotations

import torch
from torch import nn

from .activation import prelu
from .depthwise import Depthwise, runs
from .network import LayerPReLU


def statistics(network: nn.Module) -> list[torch.Tensor]:
    """Running means and variances, in the order of the modules."""
    return [t for m in network.modules() if isinstance(m, nn.BatchNorm2d) for t in (m.running_mean, m.running_var)]


def freeze(network: nn.Module) -> None:
    """From now on let every batch norm of `network` use its running statistics in training too: no noise from small batches, and faster.

    A norm follows its convolution, a one-slope PReLU its norm, and a depthwise convolution the PReLU before it in the order of the modules.
    """
    leaves = [module for module in network.modules() if not list(module.children())]
    for index, norm in enumerate(leaves):
        if not isinstance(norm, nn.BatchNorm2d):
            continue
        conv = leaves[index - 1]
        if not isinstance(conv, nn.Conv2d):
            norm.eval()
            continue
        before, after = (leaves[at] if 0 <= at < len(leaves) and isinstance(leaves[at], LayerPReLU) else None for at in (index - 2, index + 1))
        following = leaves[index + 2] if after is not None and index + 2 < len(leaves) else None
        norm.forward = unchanged
        conv.forward = depthwise_forward(conv, norm, before, after) if is_depthwise(conv) else conv_forward(conv, norm)
        if after is not None:
            after.forward = unchanged if is_depthwise(conv) or is_depthwise(following) else prelu_forward(after)


def unchanged(x: torch.Tensor) -> torch.Tensor:
    """What a module does whose work another one has taken over."""
    return x


def is_depthwise(module: nn.Module | None) -> bool:
    """Whether `module` is a 3x3 convolution of single channels with a border of one."""
    return isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1 and module.kernel_size == (3, 3) and module.padding == (1, 1)


def folded(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the convolution that does what `conv` and `norm` do."""
    scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if conv.bias is None else norm.running_mean - conv.bias
    return conv.weight * scale[:, None, None, None], norm.bias - mean * scale


def conv_forward(conv: nn.Conv2d, norm: nn.BatchNorm2d):
    """A `forward` for `conv` that also does `norm`."""
    return lambda x: nn.functional.conv2d(x, *folded(conv, norm), conv.stride, conv.padding, conv.dilation, conv.groups)


def prelu_forward(activation: LayerPReLU):
    """A `forward` for `activation`, in C where it can be."""
    return lambda x: prelu(activation, x)


def depthwise_forward(conv: nn.Conv2d, norm: nn.BatchNorm2d, before: LayerPReLU | None, after: LayerPReLU | None):
    """A `forward` for `conv` that also does `norm` and the PReLUs before and after."""

    def forward(x: torch.Tensor) -> torch.Tensor:
        weight, bias = folded(conv, norm)
        if runs(x):
            return Depthwise.apply(x, weight, bias, *(None if a is None else a.weight for a in (before, after)), conv.stride[0])
        y = nn.functional.conv2d(x if before is None else prelu(before, x), weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)
        return y if after is None else prelu(after, y)

    return forward
