"""Data-parallel training on one machine: one process a core, gradients averaged through shared memory.

On a CPU that others use too, processes with one thread each are several times faster than one process with several
threads: the threads of an operator wait for the slowest of them, hundreds of times a step; processes meet once a step.

Every process holds the same weights, makes the same optimiser step, and keeps its own batch-norm statistics
(those of rank 0 are saved).
"""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

import torch

WAIT_S = 300.0


@dataclass(frozen=True)
class Shared:
    """What the processes share.  gradients float32 [2,P,V], clock float64 [2,2] (minutes, stop); the first axis alternates
    from step to step, so that one meeting a step is enough."""

    gradients: torch.Tensor
    clock: torch.Tensor
    barrier: Barrier


def share(context, processes: int, values: int) -> Shared:
    """Shared memory for `processes` with `values` trained values each."""
    return Shared(torch.zeros(2, processes, values).share_memory_(), torch.zeros(2, 2, dtype=torch.float64).share_memory_(),
                  context.Barrier(processes))


class Peers:
    """This process among its peers; alone if `shared` is None."""

    def __init__(self, rank: int = 0, shared: Shared | None = None):
        self.rank, self.shared, self.turn = rank, shared, 0
        self.count = shared.gradients.shape[1] if shared else 1

    def exchange(self, parameters: list[torch.Tensor], minutes: float, stop: bool) -> tuple[float, bool]:
        """Average the gradients of all processes in place; returns rank 0's minutes and stop.  Raises if a peer is gone."""
        if self.shared is None:
            return minutes, stop
        gradients, clock = self.shared.gradients[self.turn], self.shared.clock[self.turn]
        torch.cat([p.grad.reshape(-1) for p in parameters], out=gradients[self.rank])
        if self.rank == 0:
            clock[0], clock[1] = minutes, float(stop)
        self.shared.barrier.wait(WAIT_S)
        mean = gradients.mean(dim=0)
        start = 0
        for parameter in parameters:
            end = start + parameter.numel()
            parameter.grad.copy_(mean[start:end].view_as(parameter))
            start = end
        self.turn = 1 - self.turn
        return float(clock[0]), bool(clock[1])

    def broadcast(self, tensors: list[torch.Tensor]) -> None:
        """Copy rank 0's `tensors` (together no longer than the gradients) to all processes, in place."""
        if self.shared is None:
            return
        room = self.shared.gradients[self.turn, 0]
        sizes = [tensor.numel() for tensor in tensors]
        if self.rank == 0:
            room[:sum(sizes)] = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self.shared.barrier.wait(WAIT_S)
        for tensor, part in zip(tensors, room[:sum(sizes)].split(sizes)):
            tensor.copy_(part.view_as(tensor))
        self.turn = 1 - self.turn

    def leave(self) -> None:
        """Let waiting peers fail at once instead of waiting for this process."""
        if self.shared is not None:
            self.shared.barrier.abort()
