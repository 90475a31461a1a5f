"""Heads behind one interface: each against its formula, and the laws that all of them obey."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradgradcheck

from molmeta.models import Head, LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.attention import Softmax
from molmeta.models.heads.matching import kernel
from molmeta.models.similarity import Cosine, Euclidean, Similarity

DIM = 12
HEADS: dict[str, Callable[[], Head]] = {
    "matching": MatchingHead,
    "matching balanced": lambda: MatchingHead(attention=Softmax(balanced=True)),
    "matching euclidean": lambda: MatchingHead(Similarity(Euclidean())),
    "matching continuous": lambda: MatchingHead(attention=Softmax(continuous=True)),
    "prototypical": PrototypicalHead,
    "prototypical prevalence": lambda: PrototypicalHead(balanced=False),
    "prototypical mahalanobis": lambda: PrototypicalHead(metric="mahalanobis"),
    "kernel": lambda: kernel(dim=DIM, distant=0.5),
    "kernel without a prior": lambda: kernel(dim=DIM, prior=False, distant=0.0),
    "kernel with a sketch": lambda: kernel(dim=DIM - 4, sketch=4),
    "kernel with a profile": lambda: kernel(dim=DIM - 4, sketch=2, profile=2),
    "kernel with properties": lambda: kernel(dim=DIM - 4, sketch=1, profile=1, properties=2),
    "linear": lambda: LinearHead(dim=DIM),
    "linear from prototypes": lambda: LinearHead(dim=DIM, start="prototypes"),
}
EVERY_HEAD = pytest.mark.parametrize("name", list(HEADS))


def make(name: str) -> Head:
    torch.manual_seed(0)
    return HEADS[name]().double()


def draw(n_active: int, n_inactive: int, n_query: int = 9) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n_active + 1000 * n_inactive)
    n_support = n_active + n_inactive
    support, query = (
        torch.randn(n, DIM, generator=generator, dtype=torch.float64) for n in (n_support, n_query)
    )
    return support, (torch.arange(n_support) < n_active).double(), query


def random_view(n_query: int, n_support: int) -> Tensor:
    return torch.rand(n_query, n_support, generator=torch.Generator().manual_seed(3)) < 0.6


@EVERY_HEAD
@pytest.mark.parametrize("sizes", [(1, 1), (5, 11), (1, 15), (40, 3), (200, 312)])
def test_two_to_512_molecules_of_unequal_classes(name: str, sizes: tuple[int, int]) -> None:
    head, (support, labels, query) = make(name), draw(*sizes)
    scores = head(support, labels, query)
    assert scores.shape == (9,)
    assert scores.isfinite().all()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(head(support[order], labels[order], query), scores)
    alone = torch.cat([head(support, labels, one[None]) for one in query])
    torch.testing.assert_close(alone, scores)


@EVERY_HEAD
@pytest.mark.parametrize("sizes", [(5, 11), (20, 30)])
def test_what_is_hidden_is_as_if_absent(name: str, sizes: tuple[int, int]) -> None:
    head, (support, labels, query) = make(name), draw(*sizes)
    visible = random_view(len(query), len(labels))
    hidden = head(support, labels, query, visible)
    absent = [
        head(support[row], labels[row], one[None]) for row, one in zip(visible, query, strict=True)
    ]
    torch.testing.assert_close(hidden, torch.cat(absent))
    # Not a bit of a hidden molecule's label reaches the score.
    for number, row in enumerate(visible):
        scrambled = torch.where(row, labels, 1 - labels)
        assert torch.equal(head(support, scrambled, query, visible)[number], hidden[number])


@EVERY_HEAD
def test_each_query_may_have_its_own_view_of_the_support_set(name: str) -> None:
    head, (support, labels, query) = make(name), draw(5, 11)
    visible = random_view(9, 16)
    views = support + 0.1 * torch.randn(
        9, 16, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    for seen in (None, visible):
        one_by_one = [
            head(views[i], labels, query[i : i + 1], None if seen is None else seen[i : i + 1])
            for i in range(9)
        ]
        torch.testing.assert_close(head(views, labels, query, seen), torch.cat(one_by_one))
    same = head(support.expand(9, 16, DIM), labels, query, visible)
    torch.testing.assert_close(same, head(support, labels, query, visible))


@EVERY_HEAD
@pytest.mark.parametrize("sizes", [(0, 4), (4, 0), (1, 1)])
def test_an_absent_class_leaves_scores_and_gradients_finite(
    name: str, sizes: tuple[int, int]
) -> None:
    head, (support, labels, _) = make(name), draw(*sizes)
    support.requires_grad_(True)
    others = ~torch.eye(len(labels), dtype=torch.bool)
    for visible in (None, others):
        scores = head(support, labels, support, visible)
        (gradient,) = torch.autograd.grad(scores.sum(), support, create_graph=True)
        (second,) = torch.autograd.grad(gradient.square().sum(), support, allow_unused=True)
        assert scores.isfinite().all()
        assert gradient.isfinite().all()
        assert second is None or second.isfinite().all()


# The others' scores are one value for all queries, or do not depend on the support set.
@pytest.mark.parametrize("name", [n for n in HEADS if n not in ("linear", "matching continuous")])
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_of_one_class_alone_the_nearest_rank_first_or_last(name: str, label: float) -> None:
    support = torch.zeros(1, DIM, dtype=torch.float64)
    support[0, 0] = 1.0
    query = torch.stack([support[0], support[0].roll(1), -support[0]])
    scores = make(name)(support, torch.tensor([label], dtype=torch.float64), query)
    assert torch.equal(scores.argsort(descending=label == 1.0), torch.arange(3))


@EVERY_HEAD
def test_second_derivatives_equal_finite_differences(name: str) -> None:
    head, (support, labels, query) = make(name), draw(3, 4, 2)
    visible = random_view(2, 7)
    inputs = (support.requires_grad_(True), query.requires_grad_(True))
    assert gradgradcheck(lambda s, q: head(s, labels, q, visible), inputs)


@EVERY_HEAD
def test_every_parameter_gets_a_gradient(name: str) -> None:
    head, (support, labels, query) = make(name), draw(5, 11)
    head(support, labels, query).square().sum().backward()
    for parameter in head.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_euclidean_matching_is_the_textbook_attention() -> None:
    support, labels, query = draw(5, 11)
    distances = torch.cdist(query, support).square() / DIM
    expected = (-7.0 / 2 * distances).softmax(-1) @ labels
    head = MatchingHead(Similarity(Euclidean()), Softmax(scale=7.0)).double()
    torch.testing.assert_close(head(support, labels, query).sigmoid(), expected, rtol=1e-6, atol=0)


def test_euclidean_and_cosine_matching_agree_on_vectors_of_one_length() -> None:
    support, labels, query = draw(5, 11)
    support, query = (DIM**0.5 * nn.functional.normalize(x, dim=-1) for x in (support, query))
    cosine, euclidean = (
        MatchingHead(Similarity(base)).double()(support, labels, query)
        for base in (Cosine(), Euclidean())
    )
    torch.testing.assert_close(cosine, euclidean)


def test_continuous_matching_is_the_mean_under_attention() -> None:
    support, _, query = draw(5, 11)
    values = torch.linspace(4, 9, 16, dtype=torch.float64)
    head = MatchingHead(attention=Softmax(continuous=True, scale=3.0)).double()
    visible = random_view(9, 16)
    weights = head(support, torch.eye(16).double(), query, visible)
    torch.testing.assert_close(weights.sum(-1), torch.ones(9, dtype=torch.float64))
    assert not weights[~visible].any()
    torch.testing.assert_close(head(support, values, query, visible), weights @ values)
    # Affine in the values, whatever their units; and nothing visible is worth nothing.
    torch.testing.assert_close(
        head(support, 2 * values + 1, query), 2 * head(support, values, query) + 1
    )
    assert not head(support, values, query, torch.zeros_like(visible)).any()


def test_euclidean_prototypes_are_the_nearest_mean() -> None:
    support, labels, query = draw(5, 11)
    means = [support[labels == label].mean(0) for label in (0, 1)]
    far, near = ((query - mean).square().sum(-1) / DIM for mean in means)
    head = PrototypicalHead(scale=3.0).double()
    torch.testing.assert_close(head(support, labels, query), 1.5 * (far - near), rtol=1e-6, atol=0)
    by_prevalence = PrototypicalHead(scale=3.0, balanced=False).double()
    difference = by_prevalence(support, labels, query) - head(support, labels, query)
    torch.testing.assert_close(difference, torch.full_like(difference, 5 / 11).log())


@pytest.mark.parametrize("sizes", [(2, 3), (5, 11), (100, 60)])
def test_mahalanobis_distance_is_that_of_the_shrunk_covariance(sizes: tuple[int, int]) -> None:
    support, labels, query = draw(*sizes)
    expected = []
    total = torch.cov(support.T, correction=0)
    eye = torch.eye(DIM, dtype=torch.float64)
    for label in (0, 1):
        members = support[labels == label]
        mix = len(members) / (len(members) + 1)
        within = torch.cov(members.T, correction=0)
        shrunk = mix * within + (1 - mix) * total + 0.7 * (1 + total.trace() / DIM) * eye
        offset = query - members.mean(0)
        expected.append((offset @ torch.linalg.inv(shrunk) * offset).sum(-1) / DIM)
    head = PrototypicalHead(metric="mahalanobis", scale=2.0, shrinkage=0.7).double()
    torch.testing.assert_close(
        head(support, labels, query), expected[0] - expected[1], rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("sizes", [(1, 1), (2, 14), (256, 256)])
def test_mahalanobis_is_stable_in_single_precision(sizes: tuple[int, int], spread: float) -> None:
    """Also where the vectors are far more than the molecules, or lie on a line."""
    generator = torch.Generator().manual_seed(0)
    support = spread * torch.randn(sum(sizes), 1, generator=generator) * torch.ones(1, 128)
    support = support + 1e-3 * spread * torch.randn(sum(sizes), 128, generator=generator)
    labels = (torch.arange(sum(sizes)) < sizes[0]).float()
    head = PrototypicalHead(metric="mahalanobis")
    single = head(support, labels, support[:8])
    exact = head.double()(support.double(), labels.double(), support[:8].double())
    torch.testing.assert_close(single.double(), exact, rtol=1e-3, atol=1e-3)


def test_what_is_not_finite_gives_nan_and_no_exception() -> None:
    support, labels, query = draw(5, 11)
    support[0, 0] = torch.nan
    assert make("prototypical mahalanobis")(support, labels, query).isnan().any()


def test_linear_head_from_prototypes_is_the_prototypical_head_before_training() -> None:
    support, labels, query = draw(5, 11)
    torch.testing.assert_close(
        make("linear from prototypes")(support, labels, query),
        PrototypicalHead(scale=2.0).double()(support, labels, query),
    )


def test_linear_head_alone_reads_no_support_set() -> None:
    head, (support, labels, query) = make("linear"), draw(5, 11)
    assert isinstance(head, LinearHead)
    expected = query @ head.weight + head.bias
    assert torch.equal(head(support, labels, query), expected)
    assert torch.equal(head(-support, 1 - labels, query), expected)
    assert not head.reads_support
    assert make("linear from prototypes").reads_support
