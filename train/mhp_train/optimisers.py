"""Muon for the matrices of the hidden layers, AdamW for everything else.

Muon (Jordan et al. 2024) replaces a matrix's momentum by the nearest semi-orthogonal matrix, so that all its directions
are learnt at the same pace; scaled as by Liu et al., "Muon is scalable for LLM training" (2025), it takes AdamW's rate, times a factor of its own.
"""

from __future__ import annotations

import torch
from torch import nn

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
NEWTON_SCHULZ_STEPS = 5
BF16_LEAST = 64  # smaller matrices gain nothing from 16 bits
UPDATE_RMS = 0.2  # that of a typical AdamW update


def orthogonalised(matrix: torch.Tensor) -> torch.Tensor:
    """Nearly the semi-orthogonal factor of `matrix` [m,n], by a quintic Newton-Schulz iteration."""
    a, b, c = NEWTON_SCHULZ
    x = matrix / (matrix.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.t()
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.t()
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.t() if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised (in 16 bits if `bf16`); a convolution's weight [o,i,h,w] counts as the matrix [o,i*h*w]."""

    def __init__(self, parameters, lr: float, momentum: float = 0.95, weight_decay: float = 0.0, rate: float = 1.0,
                 bf16: bool = False):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay, rate=rate))
        self.bf16 = bf16

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                ahead = torch.lerp(parameter.grad, state["momentum"], group["momentum"])
                matrix = ahead.reshape(len(ahead), -1)
                if self.bf16 and min(matrix.shape) >= BF16_LEAST:
                    matrix = matrix.bfloat16()
                update = orthogonalised(matrix).float() * (UPDATE_RMS * max(matrix.shape) ** 0.5)
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update.reshape(parameter.shape), alpha=-group["lr"] * group["rate"])


def adamw(groups: list[dict], lr: float) -> torch.optim.AdamW:
    """AdamW in the fastest form that this torch has."""
    try:
        return torch.optim.AdamW(groups, lr=lr, fused=True)
    except (RuntimeError, TypeError, ValueError):  # torch 1.13 has it for CUDA only, or not at all
        return torch.optim.AdamW(groups, lr=lr, foreach=True)


def hidden_matrices(network: nn.Module) -> list[nn.Parameter]:
    """Weights of dense convolutions, without the stem and the last layer."""
    left_out = (network.first_conv[0], network.final_layer)
    return [module.weight for module in network.modules()
            if isinstance(module, nn.Conv2d) and module.groups == 1 and not any(module is other for other in left_out)]


def build(network: nn.Module, kind: str, lr: float, weight_decay: float, muon_rate: float = 1.0,
          bf16: bool = False) -> list[torch.optim.Optimizer]:
    """The optimisers of a run, `kind` adamw or muon (its rate is lr * muon_rate); slopes, norms and biases do not decay."""
    if kind not in ("adamw", "muon"):
        raise ValueError(f"optimiser kind {kind!r} is not one of adamw, muon")
    matrices = hidden_matrices(network) if kind == "muon" else []
    taken = {id(p) for p in matrices}
    rest = [p for p in network.parameters() if id(p) not in taken]
    groups = [{"params": [p for p in rest if p.dim() > 1], "weight_decay": weight_decay},
              {"params": [p for p in rest if p.dim() <= 1], "weight_decay": 0.0}]
    optimisers: list[torch.optim.Optimizer] = [adamw(groups, lr)]
    return optimisers + ([Muon(matrices, lr, weight_decay=weight_decay, rate=muon_rate, bf16=bf16)] if matrices else [])


def restore(optimisers: list[torch.optim.Optimizer], states: list[dict]) -> bool:
    """Load moments (16-bit ones become float32), keeping this torch's own group options.

    False, and nothing loaded, where the saved optimisers are of another kind.
    """
    saved_sizes = [[len(group["params"]) for group in state["param_groups"]] for state in states]
    if saved_sizes != [[len(group["params"]) for group in optimiser.param_groups] for optimiser in optimisers]:
        return False
    for optimiser, saved in zip(optimisers, states):
        moments = {key: {name: value.float() if torch.is_tensor(value) else torch.tensor(float(value)) for name, value in entry.items()}
                   for key, entry in saved["state"].items()}
        optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    return True
