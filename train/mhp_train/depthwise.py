"""Depthwise convolutions on the CPU in C, with the PReLU before and the one behind them.

oneDNN's gradient of a strided one takes five to ten times as long, and separate PReLUs pass over memory again.
"""

from __future__ import annotations

import ctypes
import math

import torch
from torch import nn

from .kernels import KINDS, library, pointer, routine

CHANNELS = 8  # the C routine takes multiples of so many
RING = 4  # of native/depthwise.c
ALIGNED_VALUES = 16  # the widest vector


class Shape(ctypes.Structure):
    """`shape` of native/depthwise.c."""

    _fields_ = ([(name, ctypes.c_ssize_t) for name in ("n", "height", "width", "rows", "columns")]
                + [(name, ctypes.c_int) for name in ("c", "stride")] + [(name, ctypes.c_float) for name in ("before", "after")])


def runs(x: torch.Tensor) -> bool:
    """Whether the C routine takes `x`."""
    return library() is not None and x.device.type == "cpu" and x.dtype in KINDS and x.shape[1] % CHANNELS == 0


def padded(channels: int) -> int:
    """`channels` rounded up to whole vectors of this processor."""
    lanes = ctypes.c_int.in_dll(library(), "depthwise_lanes").value
    return -(-channels // lanes) * lanes


def aligned(*shape: int) -> torch.Tensor:
    """Float32 zeros at an address that whole vectors are loaded from."""
    size = math.prod(shape)
    values = torch.zeros(size + ALIGNED_VALUES)
    start = -values.data_ptr() % (4 * ALIGNED_VALUES) // 4
    return values[start:start + size].view(shape)


class Depthwise(torch.autograd.Function):
    """x [N,C,H,W] float32 or bfloat16, weight [C,1,3,3], bias [C] or None and slopes [1] float32 (None: no PReLU there) ->
    PReLU(3x3 depthwise convolution of PReLU(x) with a border of one + bias), of x's type in channels-last memory."""

    @staticmethod
    def forward(ctx, x, weight, bias, before, after, stride):
        x = x.contiguous(memory_format=torch.channels_last)
        count, channels, height, width = x.shape
        rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
        ctx.shape = Shape(count, height, width, rows, columns, channels, stride, *(1.0 if slope is None else slope.item() for slope in (before, after)))
        room_for = padded(channels)
        by_tap, padded_bias, room = aligned(9, room_for), aligned(room_for), aligned(RING, room_for * (width + 2))
        by_tap[:, :channels] = weight.reshape(channels, 9).t()
        if bias is not None:
            padded_bias[:channels] = bias
        u = torch.empty(count, channels, rows, columns, dtype=x.dtype, memory_format=torch.channels_last)
        y = u if after is None else torch.empty_like(u)
        routine("depthwise_forward", x.dtype)(ctypes.byref(ctx.shape), *map(pointer, (x, by_tap, padded_bias, room, u, y)))
        ctx.save_for_backward(x, u, by_tap)
        ctx.learn = tuple(value is not None for value in (bias, before, after))
        return y

    @staticmethod
    def backward(ctx, grad):
        x, u, by_tap = ctx.saved_tensors
        channels, room_for = x.shape[1], by_tap.shape[1]
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx, of_taps, of_bias, of_slopes = torch.empty_like(x), aligned(9, room_for), aligned(room_for), torch.empty(2, 1)
        room = aligned(room_for * (RING * (grad.shape[3] + 2) + 2))
        routine("depthwise_backward", x.dtype)(ctypes.byref(ctx.shape), *map(pointer, (x, u, grad, by_tap, room, dx, of_taps, of_bias, of_slopes)))
        optional = (value if learn else None for value, learn in zip((of_bias[:channels], *of_slopes), ctx.learn))
        return dx, of_taps[:, :channels].t().reshape(-1, 1, 3, 3), *optional, None


def forward(conv: nn.Conv2d):
    """A `forward` for a 3x3 depthwise convolution without bias, in C where it can be."""
    return lambda x: Depthwise.apply(x, conv.weight, None, None, None, conv.stride[0]) if runs(x) else type(conv).forward(conv, x)
