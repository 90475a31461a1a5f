"""The matching head against the textbook formula, and its invariances."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from molmeta.models import MatchingHead
from molmeta.models.attention import Softmax


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def draw(generator: torch.Generator, n_active: int, n_inactive: int) -> tuple[Tensor, ...]:
    support = torch.randn(n_active + n_inactive, 12, generator=generator, dtype=torch.float64)
    labels = torch.tensor([1.0] * n_active + [0.0] * n_inactive, dtype=torch.float64)
    query = torch.randn(9, 12, generator=generator, dtype=torch.float64)
    return support, labels, query


@pytest.mark.parametrize(("n_active", "n_inactive"), [(8, 8), (5, 11), (1, 15)])
def test_probability_is_the_textbook_attention(
    generator: torch.Generator, n_active: int, n_inactive: int
) -> None:
    head = MatchingHead(attention=Softmax(scale=7.0)).double()
    support, labels, query = draw(generator, n_active, n_inactive)
    cosine = torch.nn.functional.cosine_similarity(query[:, None], support[None], dim=-1)
    expected = (7.0 * cosine).softmax(-1) @ labels
    probability = head(support, labels, query).sigmoid()
    torch.testing.assert_close(probability, expected, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(head.weights(support, query) @ labels, expected)


@pytest.mark.parametrize("balanced", [True, False])
def test_order_of_the_support_set_does_not_matter(
    generator: torch.Generator, balanced: bool
) -> None:
    head = MatchingHead(attention=Softmax(balanced=balanced)).double()
    support, labels, query = draw(generator, 5, 11)
    order = torch.randperm(16, generator=generator)
    torch.testing.assert_close(
        head(support, labels, query), head(support[order], labels[order], query)
    )


@pytest.mark.parametrize("balanced", [True, False])
def test_what_is_not_visible_is_as_if_absent(generator: torch.Generator, balanced: bool) -> None:
    head = MatchingHead(attention=Softmax(balanced=balanced)).double()
    support, labels, query = draw(generator, 5, 11)
    padded = torch.cat([support, torch.randn(7, 12, generator=generator, dtype=torch.float64)])
    padded_labels = torch.cat([labels, torch.ones(7, dtype=torch.float64)])
    visible = (torch.arange(23) < 16).expand(9, 23)
    torch.testing.assert_close(
        head(padded, padded_labels, query, visible), head(support, labels, query)
    )


def test_balanced_score_ignores_repetition_of_a_class(generator: torch.Generator) -> None:
    head = MatchingHead(attention=Softmax(balanced=True)).double()
    support, labels, query = draw(generator, 5, 11)
    twice = torch.cat([support[labels == 1], support])
    twice_labels = torch.cat([labels[labels == 1], labels])
    torch.testing.assert_close(head(twice, twice_labels, query), head(support, labels, query))


def test_loss_vanishes_on_a_perfect_match() -> None:
    head = MatchingHead(attention=Softmax(scale=200.0))
    support = torch.eye(16)
    labels = (torch.arange(16) < 8).float()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        head(support, labels, support), labels
    )
    assert loss < 1e-6


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_scores_are_finite_and_rank_by_similarity(label: float) -> None:
    head = MatchingHead()
    support = torch.tensor([[1.0, 0.0]])
    query = torch.tensor([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]])
    scores = head(support, torch.tensor([label]), query)
    assert scores.isfinite().all()
    assert torch.equal(scores.argsort(descending=label == 1.0), torch.arange(3))


def test_gradient_is_finite_where_a_class_is_not_visible() -> None:
    head = MatchingHead()
    support = torch.randn(2, 4, requires_grad=True)
    labels = torch.tensor([1.0, 0.0])
    head(support, labels, support, ~torch.eye(2, dtype=torch.bool)).sum().backward()
    assert support.grad is not None
    assert support.grad.isfinite().all()
