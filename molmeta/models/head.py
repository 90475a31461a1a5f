"""The base class of heads, which score queries from a labelled support set."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from molmeta.config import Registry
from molmeta.errors import InputError
from molmeta.models.columns import Columns

HEADS = Registry("head")
"""Heads by the names that recipes use."""


class Head(nn.Module, ABC):
    """A function of a labelled support set and queries → a score for each query.

    A subclass defines `forward`. `molmeta.testing.check_head` holds it to the laws of heads: a
    query's score depends on no other query and on no label that it may not see.

    A head that does part of its work for each molecule, or for each support set, alone defines
    `prepare`, `fit` and `score` too; that part is then done once for a library of molecules:
    `forward(s, y, q)` equals `score(fit(prepare(s), y), prepare(q))`.

    >>> from molmeta.models import Head
    >>> class Nearest(Head):
    ...     def forward(self, support, labels, query, visible=None):
    ...         return (query @ support.mT * (2 * labels - 1)).amax(-1)
    >>> Nearest().reads_support
    True

    Attributes:
        dim: The width of the vectors that it reads; None for any.
        reads: The names of the columns that it reads beside the vector.
        continuous: Whether labels and scores are values instead of classes and log-odds.
        carries_ratio: Whether its scores have the support set's ratio of classes as their prior.
        reads_support: Whether scores depend on the support set without any inner step.
        has_likelihood: Whether it is a model of a support set's labels, and gives their
            `likelihood_loss`, `covariance` and `noise`.
    """

    dim: int | None = None
    reads: frozenset[str] = frozenset()
    continuous: bool = False
    carries_ratio: bool = False
    reads_support: bool = True
    has_likelihood: bool = False

    @abstractmethod
    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Score queries.

        Args:
            support: Rows of the support set, shape (s, d), or (q, s, d) where each query has its
                own view of it.
            labels: 1 active, 0 inactive, or values if `continuous`, shape (s,).
            query: Rows of the queries, shape (q, d).
            visible: Shape (q, s), False where a query may not see a support molecule, nor its
                label; None where each query sees all.

        Returns:
            Log-odds of being active, or values if `continuous`; shape (q,).
        """

    def likelihood_loss(self, support: Tensor, labels: Tensor) -> Tensor:
        """Compute a support set's negative log marginal likelihood a label, if it has one.

        Raises:
            InputError: If it has none.
        """
        raise InputError.of(
            "inner.loss: likelihood",
            got=f"a {type(self).__name__}, which is no model of its support set's labels",
            expected="a matching head with attention: ridge",
            fix="Use inner.loss: leave_one_out, or another head.",
        )

    def covariance(self, left: Tensor, right: Tensor) -> Tensor:
        """Compute the covariance of two molecules' values, (…, n, d) with (…, m, d) → (…, n, m).

        Raises:
            InputError: If it has no likelihood.
        """
        raise InputError.of(
            "predicted values",
            got=f"a {type(self).__name__}, which gives no covariance of values",
            expected="a model with a matching head of attention: ridge",
        )

    @property
    def noise(self) -> float:
        """The variance of the noise, in units of the covariance; 0 without a likelihood."""
        return 0.0

    def bind(self, columns: Columns) -> None:
        """Learn the columns of its rows: the vector, and those that it `reads`."""

    def prepare(self, rows: Tensor) -> Tensor:
        """Precompute what depends on a molecule alone and on no parameter, (…, d) → (…, p)."""
        return rows

    def fit(self, support: Tensor, labels: Tensor, visible: Tensor | None = None) -> Any:
        """Precompute the part of the score that depends on a prepared support set alone."""
        return support, labels, visible

    def score(self, fitted: Any, query: Tensor) -> Tensor:
        """Score prepared queries, shape (q, p) → (q,), under what `fit` gave."""
        support, labels, visible = fitted
        scores: Tensor = self(support, labels, query, visible)
        return scores


class AttentionHead(Head):
    """A head that weighs support molecules, ŷ = Σ a(x, xᵢ) yᵢ, and can say how much each weighs.

    >>> from molmeta.models import AttentionHead, LinearHead, MatchingHead
    >>> isinstance(MatchingHead(), AttentionHead), isinstance(LinearHead(dim=8), AttentionHead)
    (True, False)
    """

    @abstractmethod
    def weights(self, support: Tensor, query: Tensor) -> Tensor:
        """Compute the weights a(x, xᵢ) of values, shape (q, s); each row sums to one."""

    @abstractmethod
    def contributions(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Compute what each support molecule adds to the score, shape (q, s).

        Positive in favour of active; the sizes of a row sum to one.
        """


def as_head(part: Any) -> Head:
    """Demand a head that the learner can use.

    Raises:
        InputError: If it is none.
    """
    if not isinstance(part, Head):
        raise InputError.of(
            f"head {type(part).__name__}",
            got="a class that is not derived from molmeta.models.Head",
            expected="class …(Head) with a method `forward(support, labels, query, visible)`",
            fix="Put Head in the place of nn.Module; docs/tutorials/own_encoder.md has an example.",
        )
    return part
