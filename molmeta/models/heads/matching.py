"""The matching head: a query is scored by its similarity to support molecules.

Matching Networks (Vinyals et al. 2016, arXiv:1606.04080) with any similarity, and with the softmax
or ridge regression for the attention over it.
"""

from collections.abc import Mapping
from typing import Any, Literal

from torch import Tensor

from molmeta.config import Count, CountOrNone, NotNegative, Positive, passes_on
from molmeta.errors import InputError
from molmeta.models.attention import Attention, Ridge, Softmax
from molmeta.models.columns import Columns
from molmeta.models.head import HEADS, AttentionHead
from molmeta.models.similarity import (
    BaseTerm,
    Cosine,
    Euclidean,
    Profile,
    Properties,
    Similarity,
    Tanimoto,
    Term,
)

ATTENTIONS: dict[str, type[Attention]] = {"softmax": Softmax, "ridge": Ridge}


class MatchingHead(AttentionHead):
    """Scores a query by its similarity to labelled support molecules, ŷ = Σ a(x, xᵢ) yᵢ.

    >>> import torch
    >>> from molmeta.models import MatchingHead
    >>> from molmeta.models.attention import Softmax
    >>> head = MatchingHead(attention=Softmax(scale=2.0))
    >>> support, labels = torch.eye(2), torch.tensor([1.0, 0.0])
    >>> head(support, labels, torch.tensor([[1.0, 0.0], [1.0, 1.0]])).tolist()
    [2.0, 0.0]
    >>> head.weights(support, torch.tensor([[1.0, 1.0]])).tolist()
    [[0.5, 0.5]]

    Args:
        similarity: Of two molecules; the cosine of their vectors if not given.
        attention: The weights of support molecules by it; `Softmax()` if not given.

    Raises:
        InputError: If ridge attention is given a similarity that is no kernel.
    """

    def __init__(
        self, similarity: Similarity | None = None, attention: Attention | None = None
    ) -> None:
        super().__init__()
        self.similarity = similarity or Similarity()
        self.attention = attention or Softmax()
        if self.attention.needs_kernel and not self.similarity.base.is_kernel:
            raise InputError.of(
                f"head.attention: {type(self.attention).__name__.lower()}",
                got=f"a similarity of {type(self.similarity.base).__name__}",
                expected="one that is positive semidefinite",
                fix="Use metric: cosine, or attention: softmax.",
            )
        self.reads = self.similarity.reads
        self.continuous = self.attention.continuous
        self.carries_ratio = self.attention.carries_ratio
        self.has_likelihood = self.attention.has_likelihood

    def bind(self, columns: Columns) -> None:
        """Learn which columns the rows have.

        Raises:
            InputError: If one is missing that a term reads.
        """
        self.similarity.bind(columns)
        self.attention.bind(columns)

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        """Score queries; see `Head.forward`. A continuous score is 0 where nothing is visible."""
        return self.score(self.fit(self.prepare(support), labels, visible), self.prepare(query))

    def prepare(self, rows: Tensor) -> Tensor:
        """Prepare each row for comparison, (…, d) → (…, p)."""
        return self.similarity.prepare(rows)

    def fit(self, support: Tensor, labels: Tensor, visible: Tensor | None = None) -> Any:
        """Precompute the part of the score that depends on a prepared support set alone."""
        return self.attention.fit(self.similarity, support, labels, visible)

    def score(self, fitted: Any, query: Tensor) -> Tensor:
        """Score prepared queries, shape (q, p) → (q,), under what `fit` gave."""
        return self.attention.score(self.similarity, fitted, query)

    def likelihood_loss(self, support: Tensor, labels: Tensor) -> Tensor:
        """Compute the negative log marginal likelihood a label; see `Ridge`."""
        if not isinstance(self.attention, Ridge):
            return super().likelihood_loss(support, labels)
        return self.attention.likelihood_loss(self.similarity, self.prepare(support), labels)

    def covariance(self, left: Tensor, right: Tensor) -> Tensor:
        """Compute the similarity, which ridge attention takes for a covariance."""
        if not self.has_likelihood:
            return super().covariance(left, right)
        return self.similarity.compare(left, right)

    @property
    def noise(self) -> float:
        """Ridge attention's λ."""
        ridge = self.attention
        return float(ridge.log_noise.detach().exp()) if isinstance(ridge, Ridge) else 0.0

    def weights(self, support: Tensor, query: Tensor) -> Tensor:
        """Compute the weights a(x, xᵢ) of values, shape (q, s); each row sums to one."""
        return self.attention.weights(self.similarity, self.prepare(support), self.prepare(query))

    def contributions(self, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
        """Compute what each support molecule adds to the score; see `Softmax` and `Ridge`."""
        prepared = self.prepare(support), labels, self.prepare(query)
        return self.attention.contributions(self.similarity, *prepared)


def _attention(given: Mapping[str, Any]) -> type[Attention]:
    return ATTENTIONS.get(str(given.get("attention", "softmax")), Softmax)


@HEADS.register("matching")
@passes_on(_attention)
def matching(
    *,
    attention: Literal["softmax", "ridge"] = "softmax",
    metric: Literal["cosine", "euclidean"] = "cosine",
    offset: NotNegative | None = None,
    tanimoto: NotNegative = 0.0,
    properties: NotNegative = 0.0,
    profile: NotNegative = 0.0,
    **settings: Any,
) -> MatchingHead:
    """Make a matching head from what recipes give; a term whose strength is 0 is left out.

    Args:
        attention: `softmax` or `ridge`.
        metric: How vectors are compared: `cosine` or `euclidean`.
        offset: Initial ρ of `Cosine`; by default 0 with softmax, 0.5 with ridge.
        tanimoto: Initial τ of `Tanimoto`, for which the encoder gives a sketch.
        properties: Initial ℓ of `Properties`, for which the encoder gives properties.
        profile: Initial κ of `Profile`, for which the encoder gives activity profiles.
        settings: Of the attention: see `Softmax` and `Ridge`.
    """
    base: BaseTerm
    if metric == "euclidean":
        base = Euclidean()
    else:
        base = Cosine((0.5 if attention == "ridge" else 0.0) if offset is None else offset)
    terms: list[Term] = []
    if tanimoto:
        terms.append(Tanimoto(tanimoto))
    if properties:
        terms.append(Properties(properties))
    if profile:
        terms.append(Profile(profile))
    return MatchingHead(Similarity(base, terms), ATTENTIONS[attention](**settings))


@HEADS.register("kernel")
@passes_on(lambda _: Ridge)
def kernel(
    *,
    dim: Count = 128,
    sketch: CountOrNone = 0,
    profile: CountOrNone = 0,
    properties: CountOrNone = 0,
    prior: bool = True,
    tanimoto: Positive = 1.0,
    offset: Positive = 0.5,
    recall: Positive = 1.0,
    length: Positive = 1.0,
    **settings: Any,
) -> MatchingHead:
    """Make a matching head of ridge attention, in the words of version 0.1.

    Args:
        dim: The learner's `projection`.
        sketch: The encoder's `sketch`; 0 for no Tanimoto term.
        profile: The encoder's `profile`; 0 for no term of profiles.
        properties: The encoder's `properties`; 0 for no term of properties.
        prior: As of `Ridge`.
        tanimoto: As of `matching`.
        offset: As of `matching`.
        recall: `profile` of `matching`.
        length: `properties` of `matching`.
        settings: Of `Ridge`.
    """
    head = matching(
        attention="ridge",
        offset=offset,
        tanimoto=tanimoto if sketch else 0.0,
        properties=length if properties else 0.0,
        profile=recall if profile else 0.0,
        prior=prior,
        **settings,
    )
    head.dim = dim
    head.bind(Columns(vector=dim, sketch=sketch, profile=profile, properties=properties))
    return head
