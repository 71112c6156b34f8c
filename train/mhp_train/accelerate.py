"""Training on the CPU with the routines of `native/`.

`accelerate` changes how a network computes, not its modules, names or results (to rounding).  Without a C compiler the network
stays as it is.
"""

from __future__ import annotations

from torch import nn

from .depthwise import strided_forward
from .kernels import library
from .network import LayerPReLU
from .norm_act import fused_forward


def accelerate(network: nn.Module) -> bool:
    """Let every batch norm of `network` compute itself and the one-slope PReLU behind it in C, and every strided depthwise convolution
    too.  False, and nothing changed, if the C routines cannot be built."""
    if library() is None:
        return False
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.kernel_size == (3, 3) and module.stride != (1, 1):
            module.forward = strided_forward(module)
    for parent in network.modules():
        if not isinstance(parent, nn.Sequential):
            continue
        children = list(parent)
        for child, following in zip(children, [*children[1:], None]):
            if isinstance(child, nn.BatchNorm2d):
                activation = following if isinstance(following, LayerPReLU) else None
                child.forward = fused_forward(child, activation)
                if activation is not None:
                    activation.forward = lambda x: x
    return True
