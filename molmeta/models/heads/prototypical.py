"""The prototypical head: distance to each class's mean.

Snell et al. 2017, arXiv:1703.05175; the Mahalanobis distance follows simple CNAPS (Bateni et al.
2020, arXiv:1912.03432), which FS-Mol's prototypical network (Stanley et al. 2021) uses too.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from molmeta.config import Positive
from molmeta.models.head import HEADS, Head
from molmeta.models.heads.visible import log_ratio, shares, visible_classes, weighted_mean


@HEADS.register("prototypical")
class PrototypicalHead(Head):
    """Scores a query by how much nearer it lies to the actives' mean than to the inactives'.

    With c⁺ and c⁻ the class means, the score is (c/2) (D(x, c⁻) − D(x, c⁺)) / d. D is the squared
    Euclidean distance, or that under Q_k = λ Σ_k + (1 − λ) Σ + β (1 + tr Σ / d) I, where Σ_k is
    the class's covariance, Σ that of all that is seen, and λ = n_k / (n_k + 1). The last term,
    in simple CNAPS β I, grows with the variance here: Q_k is then well conditioned whatever the
    scale, from one molecule to hundreds. A class of which a query sees no member counts as lying
    as far away as two independent vectors of unit variance do, D / d = 2.

    >>> import torch
    >>> from molmeta.models import PrototypicalHead
    >>> support, labels = torch.eye(2), torch.tensor([1.0, 0.0])
    >>> PrototypicalHead(scale=1.0)(support, labels, support).tolist()
    [0.5, -0.5]

    Args:
        metric: The distance.
        scale: Initial sharpness c; learned.
        shrinkage: Initial β; learned, and used by `mahalanobis` alone.
        balanced: Ignore the classes' sizes, as in the papers; else their log-ratio is added as
            the prior.
    """

    def __init__(
        self,
        *,
        metric: Literal["euclidean", "mahalanobis"] = "euclidean",
        scale: Positive = 10.0,
        shrinkage: Positive = 1.0,
        balanced: bool = True,
    ) -> None:
        super().__init__()
        self.metric = metric
        self.balanced = balanced
        self.carries_ratio = not balanced
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        if metric == "mahalanobis":
            self.log_shrinkage = nn.Parameter(torch.tensor(math.log(shrinkage)))

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Compute log-odds of being active, shape (q,).

        Args:
            support: Embeddings of the support set, shape (s, d), or (q, s, d) where each query
                has its own view of it.
            labels: 1 active, 0 inactive, shape (s,).
            query: Embeddings, shape (q, d).
            visible: Shape (q, s), False where a query may not see a support molecule.
        """
        active, inactive = visible_classes(labels, visible)
        seen = active | inactive
        near, far = (self._distance(support, part, seen, query) for part in (active, inactive))
        score = self.log_scale.exp() / 2 * (far - near)
        return score if self.balanced else score + log_ratio(active, inactive, score.dtype)

    def _distance(self, support: Tensor, members: Tensor, seen: Tensor, query: Tensor) -> Tensor:
        """Compute D / d of each query from the members' mean, shape (q,)."""
        weights = shares(members, support.dtype)
        offset = query - weighted_mean(weights, support)
        if self.metric == "euclidean":
            distance = offset.square().mean(-1)
        else:
            sizes = members.sum(-1, keepdim=True).to(support.dtype)
            spread = _deviations(shares(seen, support.dtype), support)
            own = _deviations(weights, support)
            distance = self._mahalanobis(own, spread, sizes / (sizes + 1), offset)
        return distance.masked_fill(~members.any(-1), 2.0)

    def _mahalanobis(self, own: Tensor, spread: Tensor, mix: Tensor, offset: Tensor) -> Tensor:
        """Compute offsetᵀ Q⁻¹ offset / d, shape (q,), with Q = UᵀU + ridge · I for a factor U.

        Args:
            own: √wᵢ-weighted deviations from the class's mean, shape (b, s, d).
            spread: The same of all that is seen.
            mix: λ, shape (b, 1).
            offset: Of the queries from the class's mean, shape (q, d).
        """
        mix, n_dims = mix.unsqueeze(-1), offset.shape[-1]
        factor = torch.cat([mix.sqrt() * own, (1 - mix).sqrt() * spread], -2)  # (b, 2s, d)
        variance = spread.square().sum((-2, -1), keepdim=True) / n_dims
        ridge = self.log_shrinkage.exp() * (1 + variance)
        # One system for all queries, (1, d, q), or one for each, (q, d, 1).
        offsets = offset.mT.unsqueeze(0) if len(factor) == 1 else offset.unsqueeze(-1)
        return _inverse_products(factor, ridge, offsets).flatten() / n_dims


def _deviations(weights: Tensor, support: Tensor) -> Tensor:
    """Compute √wᵢ (xᵢ − mean), shape (b, s, d): their Gram matrix is the weighted covariance."""
    mean = weighted_mean(weights, support).unsqueeze(-2)
    return weights.sqrt().unsqueeze(-1) * (support - mean)


def _inverse_products(factor: Tensor, ridge: Tensor, vectors: Tensor) -> Tensor:
    """Compute vᵀ (UᵀU + ridge I)⁻¹ v for U (b, r, d) and vectors (b, d, k), shape (b, k).

    The smaller of the two systems is solved: d × d, or r × r by Woodbury's identity. A
    factorisation that fails (of what is not finite) gives NaN instead of an exception, so that
    the trainer sees a step that is not finite.
    """
    if factor.shape[-2] < factor.shape[-1]:
        inner = _solve(factor @ factor.mT, ridge, factor @ vectors)
        return (vectors.square().sum(-2) - inner.square().sum(-2)) / ridge.squeeze(-1)
    return _solve(factor.mT @ factor, ridge, vectors).square().sum(-2)


def _solve(gram: Tensor, ridge: Tensor, right: Tensor) -> Tensor:
    """Compute L⁻¹ · right with LLᵀ = gram + ridge I."""
    eye = torch.eye(gram.shape[-1], dtype=gram.dtype, device=gram.device)
    lower = torch.linalg.cholesky_ex(gram + ridge * eye).L
    solved: Tensor = torch.linalg.solve_triangular(lower, right, upper=False)
    return solved
