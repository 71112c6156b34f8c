"""Training on the CPU with the routines of `native/`.

`accelerate` changes how a network computes, not its modules, names or results (to rounding).  Without a C compiler the network
stays as it is.
"""

from __future__ import annotations

from torch import nn

from . import activation, depthwise
from .frozen import is_depthwise, unchanged
from .kernels import library
from .network import LayerPReLU, Upsample
from .norm_act import fused_forward


def accelerate(network: nn.Module) -> bool:
    """Let every batch norm of `network` compute itself and the one-slope PReLU behind it in C, and depthwise convolutions and
    upsampling too.  False, and nothing changed, if the C routines cannot be built."""
    if library() is None:
        return False
    for module in network.modules():
        if is_depthwise(module):
            module.forward = depthwise.forward(module)
        elif isinstance(module, Upsample):
            module.forward = activation.upsample_forward(module)
    for parent in network.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        children = list(parent)
        for child, following in zip(children, [*children[1:], None]):
            if isinstance(child, nn.BatchNorm2d):
                act = following if isinstance(following, LayerPReLU) else None
                child.forward = fused_forward(child, act)
                if act is not None:
                    act.forward = unchanged
    return True
