"""The heads' suite: molmeta's own pass, and each broken head breaks the law that it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from molmeta.models import HEADS, Head, LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.attention import Softmax
from molmeta.models.similarity import Euclidean, Similarity
from molmeta.testing import BrokenLaw, check_head


class Mean(Head):
    """Nearness to the mean active less that to the mean inactive: right, for others to spoil."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Tensor:
        seen = torch.ones(len(query), len(labels)) if visible is None else visible.float()
        views = support if support.dim() == 3 else support.expand(len(query), -1, -1)
        active, inactive = (
            self.mean(views, seen * weight) for weight in (labels, 1 - labels)
        )  # fmt: skip
        return self.scale * (query * (active - inactive)).mean(-1)

    def mean(self, views: Tensor, weights: Tensor) -> Tensor:
        total = torch.einsum("qs,qsd->qd", weights, views)
        return total / weights.sum(-1, keepdim=True).clamp(min=1)


class OrderAware(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return super().forward(support, labels * torch.arange(len(labels)), query, visible)


class Standardised(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return super().forward(support, labels, query - query.mean(0), visible)


class SoftmaxOverQueries(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return functional.softmax(super().forward(support, labels, query, visible), dim=0)


class LeaksPrevalence(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return super().forward(support, labels, query, visible) + labels.mean()


class ScalesByAll(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        size = support.square().mean((-2, -1), keepdim=True).sqrt()
        return super().forward(support / size, labels, query, visible)


class OneViewOnly(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return super().forward(
            support[0] if support.dim() == 3 else support, labels, query, visible
        )


class DividesByZero(Mean):
    def mean(self, views: Tensor, weights: Tensor) -> Tensor:
        return torch.einsum("qs,qsd->qd", weights, views) / weights.sum(-1, keepdim=True)


class SquareRoot(Mean):
    """Finite, but its gradient is not where a class is absent."""

    def mean(self, views: Tensor, weights: Tensor) -> Tensor:
        return super().mean(views, weights).abs().sqrt()


class UnusedPart(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten = nn.Parameter(torch.zeros(3))


class Remembers(Mean):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("last", torch.zeros(16))

    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        self.last: Tensor
        self.last.copy_(query[0].detach())
        return super().forward(support, labels, query, visible)


class Flat(Mean):
    def forward(self, support, labels, query, visible=None):  # type: ignore[no-untyped-def]
        return super().forward(support, labels, query, visible)[:, None]


@pytest.mark.parametrize("name", HEADS.names())
def test_every_registered_head_obeys_every_law(name: str) -> None:
    check_head(HEADS.find(name))


@pytest.mark.parametrize(
    "variant",
    [
        lambda: MatchingHead(Similarity(Euclidean()), Softmax(balanced=True)),
        lambda: PrototypicalHead(metric="mahalanobis"),
        lambda: PrototypicalHead(balanced=False),
        lambda: LinearHead(dim=24, start="prototypes"),
    ],
)
def test_variants_obey_every_law(variant: Callable[[], nn.Module]) -> None:
    check_head(variant)


def test_a_right_head_passes_at_any_width() -> None:
    check_head(Mean, dim=5)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (nn.Identity, "Identity: got .*; expected .* derived from molmeta.models.Head"),
        (Flat, r"got \(7, 1\); expected a tensor of shape \(7,\)"),
        (OrderAware, "order of the support set.*differs by"),
        (Standardised, "alone and among others.*differs by"),
        (SoftmaxOverQueries, "alone and among others.*differs by"),
        (LeaksPrevalence, "bit-identical.*flipping the hidden label 0 moves the score by 0.06"),
        (ScalesByAll, "could as well be absent.*differs by"),
        (OneViewOnly, "its own view.*differs by"),
        (DividesByZero, "finite"),
        (SquareRoot, "gradient of the support set.*not finite"),
        (UnusedPart, "no gradient reaches forgotten"),
        (Remembers, "using it changes last"),
    ],
)
def test_each_broken_head_is_told_its_law(broken: type[nn.Module], message: str) -> None:
    with pytest.raises(BrokenLaw, match=message):
        check_head(broken)


def test_the_error_is_an_assertion_with_the_law_by_name() -> None:
    with pytest.raises(AssertionError, match=r'^UnusedPart breaks the law "Every parameter gets'):
        check_head(UnusedPart)
