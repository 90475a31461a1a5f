"""The kernel head: matching whose weights know how much the support molecules repeat each other.

Matching Networks weigh each support molecule by its similarity to the query alone; kernel ridge
regression (the mean of a Gaussian process; Rasmussen and Williams 2006, chapter 2) weighs them by
k(x, S) (K + λI)⁻¹. As a meta-learned head: deep kernel transfer (Patacchiola et al. 2020,
arXiv:1910.05199).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.config import Count, CountOrNone, Positive, Share
from molmeta.models.fading import fading
from molmeta.models.registry import HEADS


class Settled(NamedTuple):
    """A support set as its queries need it; a row for all queries, or one for each.

    Attributes:
        support: What `prepare` gave, (s, width) or (q, s, width).
        weights: (K + λI)⁻¹ (y − αm), (1, s) or (q, s).
        level: logit m − c (1 − α) m e, (1,) or (q,).
        fading: f, (1,) or (q,).
    """

    support: Tensor
    weights: Tensor
    level: Tensor
    fading: Tensor


@HEADS.register("kernel")
class KernelHead(nn.Module):
    """Scores a query by kernel ridge regression on the support set.

    With m the active fraction of a support set of n, the score is
    c · k(x, S) (K + λI)⁻¹ (y − αm) + logit m − c (1 − α) m e + f w·x + b. The regression falls to
    αm far from the support set: molecules beyond an assay's series are less often active. For a
    typical one, whose k(x, S) (K + λI)⁻¹ 1 is e, α changes nothing on average. The last two terms
    say how often molecules like x are active in any assay, for which no support set is needed, and
    which many labels know better: f = 32 / (32 + n).

    The kernel is (cosine of the vectors + ρ) / (1 + ρ), times (1 + τ T) where a fingerprint sketch
    of width `sketch` stands beside them, T being the Tanimoto similarity of the sketches: close
    analogs count even where the learned vectors say nothing, which at a cosine of zero takes the
    offset ρ. Where physical properties of width `properties` do, it is multiplied by
    (1 + exp(−d² / ℓ²)) / 2, d being their distance. Where an activity profile of width `profile`
    does, κ times the product of the profiles is added.

    Args:
        dim: Width of the vectors alone: the learner's `projection`.
        sketch: Width of the sketch beside each vector: the encoder's `sketch`.
        profile: Width of the profile beside each vector: the encoder's `profile`.
        properties: Width of the properties beside each vector: the encoder's `properties`.
        scale: Initial c; learned.
        noise: Initial λ; learned.
        distant: α.
        prior: Whether there is a w.
        tanimoto: Initial τ; learned.
        offset: Initial ρ; learned.
        recall: Initial κ; learned.
        length: Initial ℓ; learned.
    """

    balanced = False
    """The support set's ratio of classes acts as the prior."""

    def __init__(
        self,
        *,
        dim: Count = 128,
        sketch: CountOrNone = 0,
        profile: CountOrNone = 0,
        properties: CountOrNone = 0,
        scale: Positive = 4.0,
        noise: Positive = 1.0,
        distant: Share = 1.0,
        prior: bool = True,
        tanimoto: Positive = 1.0,
        offset: Positive = 0.5,
        recall: Positive = 1.0,
        length: Positive = 1.0,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.sketch, self.profile, self.properties = sketch, profile, properties
        self.distant, self.prior = distant, prior
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.log_noise = nn.Parameter(torch.tensor(math.log(noise)))
        self.log_offset = nn.Parameter(torch.tensor(math.log(offset)))
        if sketch:
            self.log_tanimoto = nn.Parameter(torch.tensor(math.log(tanimoto)))
        if profile:
            self.log_recall = nn.Parameter(torch.tensor(math.log(recall)))
        if properties:
            self.log_length = nn.Parameter(torch.tensor(math.log(length)))
        if prior:
            self.weight = nn.Parameter(torch.zeros(dim))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Log-odds of being active, shape (q,).

        Args:
            support: Vectors of the support set and what stands beside them, shape (s, width), or
                (q, s, width) where each query has its own view of it.
            labels: 1 active, 0 inactive, shape (s,).
            query: Vectors, shape (q, width).
            visible: Shape (q, s), False where a query may not see a support molecule.
        """
        return self.judge(self.settle(self.prepare(support), labels, visible), self.prepare(query))

    def prepare(self, vectors: Tensor) -> Tensor:
        """What a vector, (…, width), is compared by: no parameter and no other has a part.

        Its direction, (…, dim); what stands beside it; the squared lengths of the sketch and of the
        properties, (…, 1) each, and the vector's length.
        """
        own, beside = vectors[..., : self.dim], vectors[..., self.dim :]
        length = torch.linalg.vector_norm(own, dim=-1, keepdim=True)
        sketch, _, properties = torch.split(
            beside, [self.sketch, self.profile, self.properties], dim=-1
        )
        squared = [part.square().sum(-1, keepdim=True) for part in (sketch, properties)]
        return torch.cat([own / length.clamp(min=1e-12), beside, *squared, length], -1)

    def settle(self, support: Tensor, labels: Tensor, visible: Tensor | None = None) -> Settled:
        """What no query has a part in, of a support set as `prepare` gave it."""
        seen = labels.new_ones(1, len(labels)) if visible is None else visible.to(support.dtype)
        view = None
        if support.ndim == 2 and visible is not None:  # few views, where it is folded
            seen, view = seen.unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
        n = seen.sum(-1, keepdim=True)
        active = _active((seen * labels).sum(-1, keepdim=True), n)
        far, kernel = self.distant * active, self._kernel(support, support)
        weights = self._solve(kernel, seen, (labels - far) * seen)
        level = active.logit() - self.log_scale.exp() * (active - far) * self._typical(kernel, seen)
        if view is not None:
            weights, level, n = weights[view], level[view], n[view]
        return Settled(support, weights, level.squeeze(-1), fading(n.squeeze(-1)))

    def judge(self, settled: Settled, query: Tensor) -> Tensor:
        """As `forward`, of what `settle` and `prepare` gave."""
        if settled.support.ndim == 2:
            similarity = self._kernel(query, settled.support)
        else:
            similarity = self._kernel(query.unsqueeze(1), settled.support).squeeze(1)
        evidence = self.log_scale.exp() * (similarity * settled.weights).sum(-1)
        scores: Tensor = evidence + settled.level + self.bias
        if self.prior:
            told = query[:, -1] * (query[:, : self.dim] @ self.weight)
            scores = scores + settled.fading * told
        return scores

    def attention(self, support: Tensor, query: Tensor) -> Tensor:
        """Weights a of continuous labels, shape (q, s): Σ a·y = m + k(x, S) (K + λI)⁻¹ (y − m).

        Here m is the mean of the labels y. A row sums to one; a weight may be negative, where a
        support molecule repeats what others say.
        """
        weights = self._smoother(support, query)
        return weights + (1 - weights.sum(-1, keepdim=True)) / weights.shape[-1]

    def contributions(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """What each support molecule adds to the evidence, shape (q, s).

        w (y − αm) with w = k(x, S) (K + λI)⁻¹, positive in favour of active, divided by the sum of
        the sizes, so that the sizes of a row sum to one.
        """
        far = self.distant * _active(labels.sum(), len(labels))
        parts = self._smoother(support, query) * (labels - far)
        return functional.normalize(parts, p=1.0, dim=-1)

    def _smoother(self, support: Tensor, query: Tensor) -> Tensor:
        """k(x, S) (K + λI)⁻¹, shape (q, s)."""
        seen = support.new_ones(1, len(support))
        return self._solve(self.kernel(support, support), seen, self.kernel(query, support))

    def kernel(self, left: Tensor, right: Tensor) -> Tensor:
        """k of (…, n, d) with (…, m, d), shape (…, n, m)."""
        return self._kernel(self.prepare(left), self.prepare(right))

    def _kernel(self, left: Tensor, right: Tensor) -> Tensor:
        offset = self.log_offset.exp()
        kernel = (_products(left, right, 0, self.dim) + offset) / (1 + offset)
        profile = self.dim + self.sketch
        if self.sketch:
            shared = _products(left, right, self.dim, self.sketch)
            tanimoto = shared / (_sums(left, right, -3) - shared).clamp(min=1e-6)
            kernel = kernel * (1 + self.log_tanimoto.exp() * tanimoto)
        if self.properties:
            shared = _products(left, right, profile + self.profile, self.properties)
            squared = (_sums(left, right, -2) - 2 * shared).clamp(min=0)
            kernel = kernel * (0.5 + 0.5 * torch.exp(-squared / (2 * self.log_length).exp()))
        if self.profile:
            alike = _products(left, right, profile, self.profile)
            kernel = kernel + self.log_recall.exp() * alike
        return kernel

    def _typical(self, kernel: Tensor, seen: Tensor) -> Tensor:
        """e in each view, (b, 1): what it is where all molecules are equally alike.

        n r / (d + (n − 1) r + λ), with d and r the kernel's mean on and off the diagonal.
        """
        n = seen.sum(-1, keepdim=True)
        own = (seen * kernel.diagonal(dim1=-2, dim2=-1)).sum(-1, keepdim=True)
        all_pairs = (seen * (kernel @ seen.unsqueeze(-1)).squeeze(-1)).sum(-1, keepdim=True)
        within, between = own / n.clamp(min=1), (all_pairs - own) / (n * (n - 1)).clamp(min=1)
        return n * between / (within + (n - 1) * between + self.log_noise.exp())

    def _solve(self, kernel: Tensor, seen: Tensor, right: Tensor) -> Tensor:
        """(K + λI)⁻¹ · right in each view: kernel (s, s) or (b, s, s), the rest (b, s)."""
        eye = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
        # What is not seen keeps its own row and column, and speaks to no other.
        masked = kernel * seen.unsqueeze(-1) * seen.unsqueeze(-2) + self.log_noise.exp() * eye
        # Of what is not finite this gives NaN, not an exception: the trainer skips the step.
        lower = torch.linalg.cholesky_ex(masked).L
        return torch.cholesky_solve(right.unsqueeze(-1), lower).squeeze(-1)


def _active(n_active: Tensor, n: Tensor | int) -> Tensor:
    """The active fraction m: half a molecule more of each class keeps its log-odds finite."""
    return (n_active + 0.5) / (n + 1)


def _products(left: Tensor, right: Tensor, first: int, width: int) -> Tensor:
    """Of these columns of (…, n, d) and (…, m, d), shape (…, n, m)."""
    columns = slice(first, first + width)
    return left[..., columns] @ right[..., columns].mT


def _sums(left: Tensor, right: Tensor, column: int) -> Tensor:
    """Of this column of each pair of (…, n, d) and (…, m, d), shape (…, n, m)."""
    return left[..., column].unsqueeze(-1) + right[..., column].unsqueeze(-2)
