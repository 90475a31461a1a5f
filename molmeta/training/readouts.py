"""Readouts: the linear models by which pre-training reads each assay off an encoder's vectors."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Readouts(nn.Module):
    """A linear readout for every assay: of its own, and added to it what its groups share.

    Args:
        dim: Width of a vector.
        groups: Those of each assay, (n_assays, g).
        n_groups: How many there are.
        values: Whether there is a second one, for measured values.
    """

    groups: Tensor

    def __init__(self, dim: int, groups: Tensor, n_groups: int, values: bool) -> None:
        super().__init__()
        self.register_buffer("groups", groups, persistent=False)
        self.weights = nn.Parameter(torch.randn(len(groups), dim) * 0.02)
        self.biases = nn.Parameter(torch.zeros(len(groups)))
        self.value_weights = nn.Parameter(torch.randn(len(groups), dim) * 0.02) if values else None
        self.shared_weights, self.shared_value_weights = (
            nn.Parameter(torch.zeros(n_groups, dim)) if wanted and n_groups else None
            for wanted in (True, values)
        )

    def loss(
        self, vectors: Tensor, assays: Tensor, labels: Tensor, values: Tensor, value_weight: float
    ) -> Tensor:
        """Sum the loss of n labels: vectors (n, dim), the rest (n,)."""
        weights = self._of(assays, self.weights, self.shared_weights)
        logits = (vectors * weights).sum(-1) + self.biases[assays]
        loss = functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum")
        if self.value_weights is not None:
            # A NaN left out only after squaring would still come back in the gradient.
            measured = values.isfinite()
            weights = self._of(assays, self.value_weights, self.shared_value_weights)
            read = (vectors * weights).sum(-1)[measured]
            loss = loss + value_weight * (read - values[measured]).square().sum()
        return loss

    @torch.no_grad()
    def start_from(self, readouts: Tensor | None) -> None:
        """Begin with each assay's weights and, in the last column, bias; None leaves them."""
        if readouts is not None:
            self.weights.copy_(readouts[:, :-1])
            self.biases.copy_(readouts[:, -1])

    def whole(self) -> Tensor:
        """Add up each assay's weights, its groups' included, and in the last column its bias."""
        every = torch.arange(len(self.groups), device=self.groups.device)
        weights = self._of(every, self.weights, self.shared_weights)
        return torch.cat([weights, self.biases.unsqueeze(1)], 1)

    def _of(self, assays: Tensor, own: Tensor, shared: Tensor | None) -> Tensor:
        """Select the weights of n assays, (n,) → (n, dim)."""
        if shared is None:
            return own[assays]
        return own[assays] + shared[self.groups[assays]].sum(1)
