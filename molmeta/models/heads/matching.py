"""The matching head: Matching Networks' attention over the support set.

Vinyals et al. 2016, arXiv:1606.04080: P(y | x, S) = Σᵢ a(x, xᵢ) 1[yᵢ = y], with a the softmax over
the support set of c · cos(f(x), f(xᵢ)).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.config import Positive
from molmeta.models.registry import HEADS


@HEADS.register("matching")
class MatchingHead(nn.Module):
    """Scores a query by its similarity to labelled support molecules.

    The score is the log-odds of the attention's mass on the active molecules,
    logsumexp over actives − logsumexp over inactives of c · cos: the textbook probability is its
    sigmoid, but the score neither saturates nor needs an epsilon. A class of which a query sees no
    member counts as one molecule of similarity zero, so that the score stays finite and ranks.

    Args:
        scale: Initial sharpness c; learned. (Unscaled, with 8 + 8 support molecules the textbook
            form cannot exceed P = 0.88.)
        balanced: Divide each class's mass by its size, which makes the support set's class ratio
            irrelevant; else the ratio acts as the prior, as in the paper.
    """

    def __init__(self, *, scale: Positive = 10.0, balanced: bool = False) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.balanced = balanced

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Score queries.

        Args:
            support: Embeddings of the support set, shape (s, d).
            labels: 1 active, 0 inactive, shape (s,).
            query: Embeddings, shape (q, d).
            visible: Shape (q, s), False where a query may not see a support molecule, nor its
                label: leave-one-out scores are those of the support set as its own query under
                the complement of the identity.

        Returns:
            Log-odds of being active, shape (q,).
        """
        similarity = self.similarity(support, query)
        seen = torch.ones_like(similarity, dtype=torch.bool) if visible is None else visible
        active = labels.bool()
        return self._evidence(similarity, seen & active) - self._evidence(
            similarity, seen & ~active
        )

    def similarity(self, support: Tensor, query: Tensor) -> Tensor:
        """c · cos of every query with every support molecule, shape (q, s)."""
        cosine = functional.normalize(query, dim=-1) @ functional.normalize(support, dim=-1).mT
        return self.log_scale.exp() * cosine

    def attention(self, support: Tensor, query: Tensor) -> Tensor:
        """The weights a(x, xᵢ), shape (q, s); each row sums to one."""
        return self.similarity(support, query).softmax(-1)

    def _evidence(self, similarity: Tensor, members: Tensor) -> Tensor:
        """The class's log-mass for each query, shape (q,)."""
        empty = ~members.any(-1, keepdim=True)
        # Both fills keep masked entries out of the gradient as well as out of the value.
        masked = similarity.masked_fill(~members, -torch.inf).masked_fill(empty, 0.0)
        mass = masked.logsumexp(-1).masked_fill(empty.squeeze(-1), 0.0)
        if self.balanced:
            mass = mass - members.sum(-1).clamp(min=1).to(mass.dtype).log()
        return mass
