"""PReLU with one slope, and the gradient of upsampling (in bfloat16), on the CPU in C: torch's gradients of both are slow."""

from __future__ import annotations

import ctypes

import torch

from .kernels import KINDS, library, pointer, routine
from .network import LayerPReLU, Upsample, upsample


def runs(x: torch.Tensor) -> bool:
    """Whether the C routines take `x`."""
    return library() is not None and x.device.type == "cpu" and x.dtype in KINDS


class PReLU(torch.autograd.Function):
    """x float32 or bfloat16 [N,C,H,W], slope [1] -> PReLU(x) in channels-last memory."""

    @staticmethod
    def forward(ctx, x, slope):
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.alpha, y = slope.item(), torch.empty_like(x)
        routine("prelu_forward", x.dtype)(pointer(x), ctypes.c_ssize_t(x.numel()), ctypes.c_float(ctx.alpha), pointer(y))
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        grad, dx = grad.contiguous(memory_format=torch.channels_last), torch.empty_like(x)
        of_slope = routine("prelu_backward", x.dtype)(pointer(x), pointer(grad), ctypes.c_ssize_t(x.numel()), ctypes.c_float(ctx.alpha), pointer(dx))
        return dx, torch.full((1,), of_slope)


class Upsampling(torch.autograd.Function):
    """`network.upsample` of x bfloat16 [N,C,H,W]."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return upsample(x)

    @staticmethod
    def backward(ctx, grad):
        count, channels, height, width = ctx.shape
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx = torch.empty(ctx.shape, dtype=grad.dtype, memory_format=torch.channels_last)
        row, sums = torch.empty(width * channels), torch.empty(height * width * channels)
        library().upsample_backward(pointer(grad), *map(ctypes.c_ssize_t, (count, height, width, channels)), *map(pointer, (row, sums, dx)))
        return dx


def prelu(activation: LayerPReLU, x: torch.Tensor) -> torch.Tensor:
    """`activation` of x."""
    return PReLU.apply(x, activation.weight) if runs(x) else LayerPReLU.forward(activation, x)


def upsample_forward(module: Upsample):
    """A `forward` for `module`, with its gradient in C where it can be."""
    return lambda x: Upsampling.apply(x) if runs(x) and x.dtype == torch.bfloat16 else Upsample.forward(module, x)
