"""Attentions: weights a(x, xᵢ) of support molecules by a similarity k, for ŷ = Σ a(x, xᵢ) yᵢ.

`Softmax` is Matching Networks' attention (Vinyals et al. 2016, arXiv:1606.04080), which weighs each
support molecule by its similarity to the query alone. `Ridge` is kernel ridge regression, the mean
of a Gaussian process (Rasmussen and Williams 2006, chapter 2), whose weights allow for how much the
support molecules repeat each other: ten analogs are not ten witnesses. As a meta-learned head:
deep kernel transfer (Patacchiola et al. 2020, arXiv:1910.05199).
"""

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.config import Positive, Share
from molmeta.models.columns import Columns
from molmeta.models.heads.visible import visible_classes
from molmeta.models.known_assays import fading
from molmeta.models.similarity import Similarity


class Attention(nn.Module, ABC):
    """The weights of support molecules, from the similarity of prepared rows.

    Attributes:
        continuous: Whether labels and scores are values instead of classes and log-odds.
        carries_ratio: Whether scores have the support set's ratio of classes as their prior.
        needs_kernel: Whether the similarity must be positive semidefinite.
        has_likelihood: Whether it is a model of a support set's labels.
    """

    continuous: bool = False
    carries_ratio: bool = False
    needs_kernel: bool = False
    has_likelihood: bool = False

    def bind(self, columns: Columns) -> None:
        """Learn how wide the vectors are."""
        return

    @abstractmethod
    def fit(
        self, similarity: Similarity, support: Tensor, labels: Tensor, visible: Tensor | None
    ) -> Any:
        """Precompute the part of the score that depends on the support set alone."""

    @abstractmethod
    def score(self, similarity: Similarity, fitted: Any, query: Tensor) -> Tensor:
        """Score prepared queries, shape (q,), under what `fit` gave."""

    @abstractmethod
    def weights(self, similarity: Similarity, support: Tensor, query: Tensor) -> Tensor:
        """Compute a(x, xᵢ) for values, shape (q, s); a row sums to one."""

    @abstractmethod
    def contributions(
        self, similarity: Similarity, support: Tensor, labels: Tensor, query: Tensor
    ) -> Tensor:
        """Compute what each support molecule adds to the score, (q, s); sizes sum to one."""


class Softmax(Attention):
    """Weights a(x, xᵢ) = softmaxᵢ(c k(x, xᵢ)), as in Matching Networks.

    The score is the log-odds of the attention's mass on the active molecules, logsumexp over
    actives − logsumexp over inactives of c k: the textbook probability is its sigmoid, but the
    score neither saturates nor needs an epsilon. A class of which a query sees no member counts as
    one unrelated molecule, so that the score stays finite and ranks.

    >>> import torch
    >>> from molmeta.models.attention import Softmax
    >>> from molmeta.models.similarity import Similarity
    >>> prepared = Similarity().prepare(torch.eye(2))
    >>> print(Softmax(scale=1.0).weights(Similarity(), prepared, prepared).detach())
    tensor([[0.7311, 0.2689],
            [0.2689, 0.7311]])

    Args:
        scale: Initial sharpness c; learned. (Unscaled, with 8 + 8 support molecules the textbook
            form cannot exceed P = 0.88.)
        balanced: Divide each class's mass by its size, which makes the support set's class ratio
            irrelevant; else the ratio acts as the prior, as in the paper.
        continuous: Labels are values, as in regression, and the score is their mean Σ a·y.
    """

    def __init__(
        self, *, scale: Positive = 10.0, balanced: bool = False, continuous: bool = False
    ) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.balanced = balanced
        self.continuous = continuous
        self.carries_ratio = not balanced

    def fit(
        self, similarity: Similarity, support: Tensor, labels: Tensor, visible: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keep the support set as it is: each query weighs it anew."""
        return support, labels, visible

    def score(
        self, similarity: Similarity, fitted: tuple[Tensor, Tensor, Tensor | None], query: Tensor
    ) -> Tensor:
        """Score prepared queries, shape (q,); continuous ones 0 where a query sees nothing."""
        support, labels, visible = fitted
        logits = self._logits(similarity, support, query)
        if self.continuous:
            return _softmax(logits, visible) @ labels
        unrelated = self.log_scale.exp() * similarity.base.unrelated()
        active, inactive = visible_classes(labels, visible)
        return self._evidence(logits, active, unrelated) - self._evidence(
            logits, inactive, unrelated
        )

    def weights(
        self, similarity: Similarity, support: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Compute a(x, xᵢ), (q, s); a row sums to one, or to zero if nothing is visible."""
        return _softmax(self._logits(similarity, support, query), visible)

    def contributions(
        self, similarity: Similarity, support: Tensor, labels: Tensor, query: Tensor
    ) -> Tensor:
        """Compute a(x, xᵢ), with the minus sign where xᵢ is inactive, shape (q, s).

        `balanced` divides each class's weights by the class's size first, as the score does.
        """
        logits = self._logits(similarity, support, query)
        if self.balanced:
            active = labels > 0.5
            sizes = torch.where(active, active.sum(), (~active).sum())
            logits = logits - sizes.to(logits.dtype).log()
        return _softmax(logits, None) * (2 * labels - 1)

    def _logits(self, similarity: Similarity, support: Tensor, query: Tensor) -> Tensor:
        return self.log_scale.exp() * _compare(similarity, support, query)

    def _evidence(self, logits: Tensor, members: Tensor, unrelated: Tensor) -> Tensor:
        """Compute the class's log-mass for each query, shape (q,)."""
        empty = ~members.any(-1, keepdim=True)
        if len(members) == 1 and not empty:  # all queries see the same: no mask, in half the time
            mass = logits[:, members[0]].logsumexp(-1)
        else:
            # Both fills keep masked entries out of the gradient as well as out of the value.
            masked = logits.masked_fill(~members, -torch.inf).masked_fill(empty, 0.0)
            mass = masked.logsumexp(-1).where(~empty.squeeze(-1), unrelated)
        if self.balanced:
            mass = mass - members.sum(-1).clamp(min=1).to(mass.dtype).log()
        return mass


class Fitted(NamedTuple):
    """A support set as ridge attention needs it; a row for all queries, or one for each.

    Attributes:
        support: Prepared, (s, p) or (q, s, p).
        weights: (K + λI)⁻¹ (y − αm), (1, s) or (q, s).
        level: logit m − c (1 − α) m e, (1,) or (q,).
        fading: f, (1,) or (q,).
    """

    support: Tensor
    weights: Tensor
    level: Tensor
    fading: Tensor


class Ridge(Attention):
    """Weights a(x, ·) = k(x, S) (K + λI)⁻¹, as in kernel ridge regression.

    With m the active fraction of a support set of n, the score is
    c · k(x, S) (K + λI)⁻¹ (y − αm) + logit m − c (1 − α) m e + f w·x + b. The regression falls to
    αm far from the support set: molecules beyond an assay's series are less often active. For a
    typical one, whose k(x, S) (K + λI)⁻¹ 1 is e, α changes nothing on average. The last two terms
    say how often molecules like x are active in any assay, for which no support set is needed, and
    which many labels know better: f = 32 / (32 + n).

    >>> import torch
    >>> from molmeta.models import MatchingHead
    >>> from molmeta.models.attention import Ridge
    >>> head = MatchingHead(attention=Ridge())
    >>> twice = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])  # the first two are alike
    >>> print(head.weights(twice, torch.ones(1, 2)).detach())
    tensor([[0.2940, 0.2940, 0.4119]])

    Args:
        scale: Initial c; learned.
        noise: Initial λ; learned.
        distant: α.
        prior: Whether there is a w, learned from zero.
    """

    carries_ratio = True
    needs_kernel = True
    has_likelihood = True

    def __init__(
        self,
        *,
        scale: Positive = 4.0,
        noise: Positive = 1.0,
        distant: Share = 1.0,
        prior: bool = False,
    ) -> None:
        super().__init__()
        self.distant, self.prior = distant, prior
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))
        self.log_noise = nn.Parameter(torch.tensor(math.log(noise)))
        self.weight: nn.Parameter | None = None
        self.bias = nn.Parameter(torch.zeros(()))

    def bind(self, columns: Columns) -> None:
        """Make room for the prior's weights w, once."""
        if self.prior and self.weight is None:
            self.weight = nn.Parameter(self.bias.new_zeros(columns.width("vector")))

    def fit(
        self, similarity: Similarity, support: Tensor, labels: Tensor, visible: Tensor | None
    ) -> Fitted:
        """Solve for the support molecules' weights, which are the same for all queries."""
        seen = labels.new_ones(1, len(labels)) if visible is None else visible.to(support.dtype)
        view = None
        if support.ndim == 2 and visible is not None:  # few views, where it is folded
            seen, view = torch.unique(seen, dim=0, return_inverse=True)
        n = seen.sum(-1, keepdim=True)
        active = _active((seen * labels).sum(-1, keepdim=True), n)
        far, kernel = self.distant * active, similarity(support, support)
        weights = self._solve(kernel, seen, (labels - far) * seen)
        level = active.logit() - self.log_scale.exp() * (active - far) * self._typical(kernel, seen)
        if view is not None:
            weights, level, n = weights[view], level[view], n[view]
        return Fitted(support, weights, level.squeeze(-1), fading(n.squeeze(-1)))

    def score(self, similarity: Similarity, fitted: Fitted, query: Tensor) -> Tensor:
        """Score prepared queries, shape (q,)."""
        kernel = _compare(similarity, fitted.support, query)
        evidence = self.log_scale.exp() * (kernel * fitted.weights).sum(-1)
        scores: Tensor = evidence + fitted.level + self.bias
        if self.weight is not None:
            prior = similarity.base.project(similarity.split(query), self.weight)
            scores = scores + fitted.fading * prior
        return scores

    def weights(self, similarity: Similarity, support: Tensor, query: Tensor) -> Tensor:
        """Compute a of continuous labels, (q, s): Σ a·y = m + k(x, S) (K + λI)⁻¹ (y − m).

        Here m is the mean of the labels y. A row sums to one; a weight may be negative, where a
        support molecule repeats what others say.
        """
        weights = self._smoother(similarity, support, query)
        return weights + (1 - weights.sum(-1, keepdim=True)) / weights.shape[-1]

    def contributions(
        self, similarity: Similarity, support: Tensor, labels: Tensor, query: Tensor
    ) -> Tensor:
        """Compute a (y − αm) of each support molecule, divided by the sum of the sizes, (q, s)."""
        far = self.distant * _active(labels.sum(), len(labels))
        parts = self._smoother(similarity, support, query) * (labels - far)
        return functional.normalize(parts, p=1.0, dim=-1)

    def likelihood_loss(self, similarity: Similarity, support: Tensor, labels: Tensor) -> Tensor:
        """Compute the negative log marginal likelihood a label, up to a constant.

        ½ log (rᵀ (K + λI)⁻¹ r / n) + log det(K + λI) / 2n with r = y − αm: that of a Gaussian
        process of covariance s (K + λI), at the s that makes it greatest (Rasmussen and Williams
        2006, section 5.4.1). So c has no part in it.

        Args:
            similarity: k.
            support: Prepared, (s, p).
            labels: 1 active, 0 inactive, (s,).
        """
        n = len(labels)
        residual = labels - self.distant * _active(labels.sum(), n)
        kernel = similarity(support, support)
        eye = torch.eye(n, dtype=kernel.dtype, device=kernel.device)
        lower = torch.linalg.cholesky_ex(kernel + self.log_noise.exp() * eye).L
        white = torch.linalg.solve_triangular(lower, residual.unsqueeze(-1), upper=False)
        loss: Tensor = white.square().mean().log() / 2 + lower.diagonal().log().mean()
        return loss

    def _smoother(self, similarity: Similarity, support: Tensor, query: Tensor) -> Tensor:
        """Compute k(x, S) (K + λI)⁻¹, shape (q, s)."""
        seen = support.new_ones(1, len(support))
        return self._solve(similarity(support, support), seen, similarity(query, support))

    def _typical(self, kernel: Tensor, seen: Tensor) -> Tensor:
        """Compute e in each view, (b, 1): what it is where all molecules are equally alike.

        n r / (d + (n − 1) r + λ), with d and r the kernel's mean on and off the diagonal.
        """
        n = seen.sum(-1, keepdim=True)
        own = (seen * kernel.diagonal(dim1=-2, dim2=-1)).sum(-1, keepdim=True)
        all_pairs = (seen * (kernel @ seen.unsqueeze(-1)).squeeze(-1)).sum(-1, keepdim=True)
        within, between = own / n.clamp(min=1), (all_pairs - own) / (n * (n - 1)).clamp(min=1)
        return n * between / (within + (n - 1) * between + self.log_noise.exp())

    def _solve(self, kernel: Tensor, seen: Tensor, right: Tensor) -> Tensor:
        """Compute (K + λI)⁻¹ · right in each view: kernel (s, s) or (b, s, s), the rest (b, s)."""
        eye = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
        # What is not seen keeps its own row and column, and speaks to no other.
        masked = kernel * seen.unsqueeze(-1) * seen.unsqueeze(-2) + self.log_noise.exp() * eye
        # Of what is not finite this gives NaN, not an exception: the trainer skips the step.
        lower = torch.linalg.cholesky_ex(masked).L
        return torch.cholesky_solve(right.unsqueeze(-1), lower).squeeze(-1)


def _compare(similarity: Similarity, support: Tensor, query: Tensor) -> Tensor:
    """Compare queries, (q, p), with one support set, (s, p), or one each, (q, s, p): (q, s)."""
    if support.ndim == 2:
        shared: Tensor = similarity(query, support)
        return shared
    own: Tensor = similarity(query.unsqueeze(1), support)
    return own.squeeze(1)


def _softmax(logits: Tensor, visible: Tensor | None) -> Tensor:
    if visible is None:
        return logits.softmax(-1)
    # Not −inf: a row of it alone has no softmax.
    lowest = torch.finfo(logits.dtype).min
    return logits.masked_fill(~visible, lowest).softmax(-1).masked_fill(~visible, 0.0)


def _active(n_active: Tensor, n: Tensor | int) -> Tensor:
    """Compute m, with half a molecule more of each class, so that its log-odds are finite."""
    return (n_active + 0.5) / (n + 1)
