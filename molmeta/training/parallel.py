"""Several processes that train together: their shares of a step, and the sum of their gradients.

torchrun starts them. Gradients are summed by hand, since DDP's hooks do not see what
`torch.autograd.grad` computes inside the inner loop.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class Workers:
    """This process's place among those that train together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: torch.device) -> Workers:
        """Join the processes that torchrun started; alone if it did not."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group()  # gloo for tensors on the CPU, nccl for CUDA's
        if device.type == "cuda":
            torch.cuda.set_device(device)
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def leads(self) -> bool:
        """Tell whether this process writes the run's files."""
        return self.rank == 0

    def share(self, n: int) -> range:
        """Share out n episodes of a step: those that this process computes."""
        return range(self.rank, n, self.size)

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Sum `tensor` over all processes, in place."""
        if self.size > 1:
            distributed.all_reduce(tensor)
        return tensor

    def wait(self) -> None:
        """Wait until every process has come here, so that what one wrote is there."""
        self.sum(torch.zeros(1))

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace every gradient by its sum over all processes."""
        if self.size == 1:
            return
        parameters = list(parameters)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
        for parameter, piece in zip(parameters, pieces, strict=True):
            parameter.grad = piece.view_as(parameter)
