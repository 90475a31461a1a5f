"""The matching head: Matching Networks' attention over the support set.

Vinyals et al. 2016, arXiv:1606.04080: P(y | x, S) = Σᵢ a(x, xᵢ) 1[yᵢ = y], with a the softmax over
the support set of c · cos(f(x), f(xᵢ)).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.config import Positive
from molmeta.models.heads.views import visible_classes
from molmeta.models.registry import HEADS


@HEADS.register("matching")
class MatchingHead(nn.Module):
    """Scores a query by its similarity to labelled support molecules.

    The score is the log-odds of the attention's mass on the active molecules,
    logsumexp over actives − logsumexp over inactives of the similarity: the textbook probability
    is its sigmoid, but the score neither saturates nor needs an epsilon. A class of which a query
    sees no member counts as one unrelated molecule, so that the score stays finite and ranks.

    Args:
        scale: Initial sharpness c; learned. (Unscaled, with 8 + 8 support molecules the textbook
            form cannot exceed P = 0.88.)
        balanced: Divide each class's mass by its size, which makes the support set's class ratio
            irrelevant; else the ratio acts as the prior, as in the paper.
        metric: The similarity: `cosine`, c · cos(x, xᵢ), or `euclidean`, −(c/2) ‖x − xᵢ‖² / d,
            which for vectors of length √d differs from it by a constant.
        continuous: Labels are values, as in regression, and the score is their mean Σ a·y.
    """

    def __init__(
        self,
        *,
        scale: Positive = 10.0,
        balanced: bool = False,
        metric: Literal["cosine", "euclidean"] = "cosine",
        continuous: bool = False,
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.balanced = balanced
        self.metric = metric
        self.continuous = continuous

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Score queries.

        Args:
            support: Embeddings of the support set, shape (s, d), or (q, s, d) where each query
                has its own view of it.
            labels: 1 active, 0 inactive, or values if `continuous`, shape (s,).
            query: Embeddings, shape (q, d).
            visible: Shape (q, s), False where a query may not see a support molecule, nor its
                label: leave-one-out scores are those of the support set as its own query under
                the complement of the identity.

        Returns:
            Log-odds of being active, shape (q,); or values, 0 where a query sees nothing.
        """
        return self.judge(self.settle(self.prepare(support), labels, visible), self.prepare(query))

    def prepare(self, vectors: Tensor) -> Tensor:
        """What a vector, (…, d), is compared by: no parameter and no other vector has a part."""
        return functional.normalize(vectors, dim=-1) if self.metric == "cosine" else vectors

    def settle(
        self, support: Tensor, labels: Tensor, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What no query has a part in, of a support set as `prepare` gave it: all as it is."""
        return support, labels, visible

    def judge(self, settled: tuple[Tensor, Tensor, Tensor | None], query: Tensor) -> Tensor:
        """As `forward`, of what `settle` and `prepare` gave."""
        support, labels, visible = settled
        similarity = self._similarity(support, query)
        if self.continuous:
            return self._attend(similarity, visible) @ labels
        active, inactive = visible_classes(labels, visible)
        return self._evidence(similarity, active) - self._evidence(similarity, inactive)

    def similarity(self, support: Tensor, query: Tensor) -> Tensor:
        """Of every query with every support molecule, shape (q, s)."""
        return self._similarity(self.prepare(support), self.prepare(query))

    def _similarity(self, support: Tensor, query: Tensor) -> Tensor:
        sharpness = self.log_scale.exp()
        if self.metric == "cosine":
            return sharpness * _products(query, support)
        squares = query.square().sum(-1, keepdim=True) + support.square().sum(-1)
        distance = squares - 2 * _products(query, support)
        return -sharpness / 2 * distance / query.shape[-1]

    def attention(self, support: Tensor, query: Tensor, visible: Tensor | None = None) -> Tensor:
        """The weights a(x, xᵢ), shape (q, s); a row sums to one, or zero if nothing is visible."""
        return self._attend(self.similarity(support, query), visible)

    def contributions(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """What each support molecule adds to the score, shape (q, s).

        Its weight a(x, xᵢ), with the minus sign if it is inactive: the sizes of a row sum to one.
        `balanced` divides each class's weights by the class's size first, as the score does.
        """
        similarity = self.similarity(support, query)
        if self.balanced:
            n_active = labels.sum()
            sizes = torch.where(labels.bool(), n_active, len(labels) - n_active)
            similarity = similarity - sizes.to(similarity.dtype).log()
        return self._attend(similarity, None) * (2 * labels - 1)

    def _attend(self, similarity: Tensor, visible: Tensor | None) -> Tensor:
        if visible is None:
            return similarity.softmax(-1)
        # Not −inf: a row of it alone has no softmax.
        lowest = torch.finfo(similarity.dtype).min
        return similarity.masked_fill(~visible, lowest).softmax(-1).masked_fill(~visible, 0.0)

    def _evidence(self, similarity: Tensor, members: Tensor) -> Tensor:
        """The class's log-mass for each query, shape (q,)."""
        empty = ~members.any(-1, keepdim=True)
        if len(members) == 1 and not empty:  # all queries see the same: no mask, in half the time
            mass = similarity[:, members[0]].logsumexp(-1)
        else:
            # Both fills keep masked entries out of the gradient as well as out of the value.
            masked = similarity.masked_fill(~members, -torch.inf).masked_fill(empty, 0.0)
            mass = masked.logsumexp(-1).where(~empty.squeeze(-1), self._unrelated())
        if self.balanced:
            mass = mass - members.sum(-1).clamp(min=1).to(mass.dtype).log()
        return mass

    def _unrelated(self) -> Tensor:
        """The similarity of independent vectors (of unit variance, if the metric is Euclidean)."""
        sharpness = self.log_scale.exp()
        return torch.zeros_like(sharpness) if self.metric == "cosine" else -sharpness


def _products(query: Tensor, support: Tensor) -> Tensor:
    """Inner products of (q, d) with (s, d) or (q, s, d), shape (q, s)."""
    if support.ndim == 2:
        return query @ support.mT
    return (support @ query.unsqueeze(-1)).squeeze(-1)
