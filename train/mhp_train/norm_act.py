"""Batch norm in training and the one-slope PReLU behind it as one operation in C.

The two took a third of a training step: separate operators pass over memory about nine times where four do.
"""

from __future__ import annotations

import ctypes

import torch
from torch import nn

from .kernels import KINDS, pointer, routine
from .network import LayerPReLU


class NormAct(torch.autograd.Function):
    """x [N,C,H,W] in channels-last memory -> PReLU(batch norm(x)).

    The running statistics of `norm` are updated.
    """

    @staticmethod
    def forward(ctx, x, weight, bias, slope, norm):
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.channels, ctx.rows = x.shape[1], x.numel() // x.shape[1]
        ctx.alpha = 1.0 if slope is None else slope.item()
        kept, y = torch.empty(4, ctx.channels), torch.empty_like(x)
        routine("norm_act_forward", x.dtype)(
            pointer(x), ctypes.c_ssize_t(ctx.rows), ctx.channels, pointer(weight), pointer(bias), ctypes.c_float(ctx.alpha),
            ctypes.c_float(norm.eps), ctypes.c_float(norm.momentum), pointer(norm.running_mean), pointer(norm.running_var),
            pointer(kept), pointer(y))
        ctx.learn_slope = slope is not None
        ctx.save_for_backward(x, kept)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, kept = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx, grads = torch.empty_like(x), torch.empty(2, ctx.channels)
        slope_gradient = routine("norm_act_backward", x.dtype)(
            pointer(x), pointer(grad), ctypes.c_ssize_t(ctx.rows), ctx.channels, pointer(kept), ctypes.c_float(ctx.alpha),
            pointer(grads), pointer(dx))
        return dx, grads[0], grads[1], torch.full((1,), slope_gradient) if ctx.learn_slope else None, None


def fused_forward(norm: nn.BatchNorm2d, activation: LayerPReLU | None):
    """A `forward` for `norm` that also does `activation`; falls back outside CPU training."""
    plain = type(norm).forward

    def forward(x: torch.Tensor) -> torch.Tensor:
        if not (norm.training and x.device.type == "cpu" and x.dtype in KINDS):
            y = plain(norm, x)
            return y if activation is None else LayerPReLU.forward(activation, y)
        return NormAct.apply(x, norm.weight, norm.bias, None if activation is None else activation.weight, norm)

    return forward
