"""Depthwise convolutions in bfloat16 on the CPU in C, with the PReLU before and the one behind them.

oneDNN's gradient of a strided one takes five to ten times as long, and separate PReLUs pass over memory again.
"""

from __future__ import annotations

import ctypes
import math

import torch
from torch import nn

from .kernels import library, pointer

LANES = 8  # the C routine takes multiples of so many channels
RING, VECTOR = 4, 16  # of native/depthwise.c


class Shape(ctypes.Structure):
    """`shape` of native/depthwise.c."""

    _fields_ = ([(name, ctypes.c_ssize_t) for name in ("n", "height", "width", "rows", "columns")]
                + [(name, ctypes.c_int) for name in ("c", "stride")] + [(name, ctypes.c_float) for name in ("before", "after")])


def runs(x: torch.Tensor) -> bool:
    """Whether the C routine takes `x`."""
    return library() is not None and x.device.type == "cpu" and x.dtype == torch.bfloat16 and x.shape[1] % LANES == 0


def aligned(*shape: int) -> torch.Tensor:
    """Float32 zeros at an address that whole vectors are loaded from."""
    size = math.prod(shape)
    values = torch.zeros(size + VECTOR)
    start = -values.data_ptr() % (4 * VECTOR) // 4
    return values[start:start + size].view(shape)


class Depthwise(torch.autograd.Function):
    """x [N,C,H,W] bfloat16, weight [C,1,3,3], bias [C] or None and slopes [1] float32 (None: no PReLU there) ->
    PReLU(3x3 depthwise convolution of PReLU(x) with a border of one + bias), bfloat16 in channels-last memory."""

    @staticmethod
    def forward(ctx, x, weight, bias, before, after, stride):
        x = x.contiguous(memory_format=torch.channels_last)
        count, channels, height, width = x.shape
        rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
        ctx.shape = Shape(count, height, width, rows, columns, channels, stride, *(1.0 if slope is None else slope.item() for slope in (before, after)))
        padded = -(-channels // VECTOR) * VECTOR
        by_tap, padded_bias, room = aligned(9, padded), aligned(padded), aligned(RING, padded * (width + 2))
        by_tap[:, :channels] = weight.reshape(channels, 9).t()
        if bias is not None:
            padded_bias[:channels] = bias
        u = torch.empty(count, channels, rows, columns, dtype=x.dtype, memory_format=torch.channels_last)
        y = u if after is None else torch.empty_like(u)
        library().depthwise_forward(ctypes.byref(ctx.shape), *map(pointer, (x, by_tap, padded_bias, room, u, y)))
        ctx.save_for_backward(x, u, by_tap)
        ctx.learn = tuple(value is not None for value in (bias, before, after))
        return y

    @staticmethod
    def backward(ctx, grad):
        x, u, by_tap = ctx.saved_tensors
        channels, padded = x.shape[1], by_tap.shape[1]
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx, of_taps, of_bias, of_slopes = torch.empty_like(x), aligned(9, padded), aligned(padded), torch.empty(2, 1)
        room = aligned(padded * (RING * (grad.shape[3] + 2) + 2))
        library().depthwise_backward(ctypes.byref(ctx.shape), *map(pointer, (x, u, grad, by_tap, room, dx, of_taps, of_bias, of_slopes)))
        optional = (value if learn else None for value, learn in zip((of_bias[:channels], *of_slopes), ctx.learn))
        return dx, of_taps[:, :channels].t().reshape(-1, 1, 3, 3), *optional, None


def forward(conv: nn.Conv2d):
    """A `forward` for a 3x3 depthwise convolution without bias, in C where it can be."""
    return lambda x: Depthwise.apply(x, conv.weight, None, None, None, conv.stride[0]) if runs(x) else type(conv).forward(conv, x)
