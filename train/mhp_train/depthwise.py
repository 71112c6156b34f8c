"""Strided depthwise convolutions in bfloat16 in C: oneDNN's gradient of them takes five to ten times as long."""

from __future__ import annotations

import ctypes

import torch
from torch import nn

from .kernels import library, pointer

LANES = 8  # the C routine takes so many channels at a time


class Shape(ctypes.Structure):
    """`shape` of native/depthwise.c."""

    _fields_ = [(name, ctypes.c_ssize_t) for name in ("n", "height", "width", "rows", "columns")] + [("c", ctypes.c_int), ("stride", ctypes.c_int)]


class Depthwise(torch.autograd.Function):
    """x [N,C,H,W] bfloat16, weight [C,1,3,3] float32 -> 3x3 depthwise convolution with a border of one, bfloat16 in channels-last memory."""

    @staticmethod
    def forward(ctx, x, weight, stride):
        x = x.contiguous(memory_format=torch.channels_last)
        count, channels, height, width = x.shape
        rows, columns = (height - 1) // stride + 1, (width - 1) // stride + 1
        ctx.shape = Shape(count, height, width, rows, columns, channels, stride)
        by_tap = weight.reshape(channels, 9).t().contiguous()
        y = torch.empty(count, channels, rows, columns, dtype=x.dtype, memory_format=torch.channels_last)
        library().depthwise_forward(ctypes.byref(ctx.shape), pointer(x), pointer(by_tap), pointer(y))
        ctx.save_for_backward(x, by_tap)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, by_tap = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
        dx, by_tap_grad = torch.empty_like(x), torch.empty_like(by_tap)
        library().depthwise_backward(ctypes.byref(ctx.shape), pointer(x), pointer(grad), pointer(by_tap), pointer(dx), pointer(by_tap_grad))
        return dx, by_tap_grad.t().reshape(-1, 1, 3, 3), None


def strided_forward(conv: nn.Conv2d):
    """A `forward` for a strided 3x3 depthwise convolution in C for bfloat16 on the CPU."""

    def forward(x: torch.Tensor) -> torch.Tensor:
        if x.device.type != "cpu" or x.dtype != torch.bfloat16 or x.shape[1] % LANES:
            return type(conv).forward(conv, x)
        return Depthwise.apply(x, conv.weight, conv.stride[0])

    return forward
