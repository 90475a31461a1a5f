"""The inner step on the marginal likelihood: its gradient, what it moves, what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.errors import InputError
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.models import GINE, Context, Head, LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.attention import Ridge
from molmeta.models.similarity import Cosine, Similarity
from molmeta.runs.recipe import build_learner, resolve_recipe

DIM = 6


def ridge() -> MatchingHead:
    return MatchingHead(Similarity(Cosine(0.5)), Ridge(noise=0.7, distant=0.5))


def learner(head: Head | None = None, context: Context | None = None, **inner: Any) -> Learner:
    torch.manual_seed(0)
    maml = MAML(**{"loss": "likelihood", "lr": 0.5, **inner})
    encoder = GINE(dim=DIM, layers=1)
    return Learner(encoder, head or ridge(), maml, context, adapt="head", projection=4).double()


def drawn(n: int, seed: int) -> LabelledSet:
    """Vectors that stand for molecules, half of them active."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, DIM, generator=generator, dtype=torch.float64)
    return LabelledSet(rows, (torch.arange(n) % 2).double())


EPISODE = Episode("", drawn(10, 0), drawn(7, 1))


def support_loss(subject: Learner, support: LabelledSet) -> Tensor:
    return subject.matcher.likelihood_loss(support.molecules, support.labels)


def test_the_step_goes_down_the_likelihoods_gradient() -> None:
    subject, support = learner(), EPISODE.support
    adapted = subject.adapt(support, differentiable=False)
    names = ["matcher.head.similarity.base.log_offset", "matcher.head.attention.log_noise"]
    parameters = dict(subject.named_parameters())
    gradients = torch.autograd.grad(
        support_loss(subject, support), [parameters[name] for name in names]
    )
    for name, gradient in zip(names, gradients, strict=True):
        torch.testing.assert_close(
            adapted.parameters[name], parameters[name].detach() - 0.5 * gradient
        )
    # What the likelihood does not hang on stays: the scale of scores, and the offset b.
    for name in ("matcher.head.attention.log_scale", "matcher.head.attention.bias"):
        assert torch.equal(adapted.parameters[name], parameters[name])
    before = support_loss(subject, support)
    with torch.no_grad():
        for name in names:
            parameters[name].copy_(adapted.parameters[name])
    assert support_loss(subject, support) < before


@pytest.mark.parametrize("steps", [1, 3])
def test_second_order_meta_gradient_equals_central_differences(steps: int) -> None:
    subject = learner(steps=steps, rates="tensor")
    parameters = [p for name, p in subject.named_parameters() if not name.startswith("encoder.")]
    gradients = torch.autograd.grad(subject.outer_loss(EPISODE), parameters, allow_unused=True)
    moved = [one for one in gradients if one is not None]
    assert all(one.isfinite().all() and one.abs().sum() > 0 for one in moved)
    generator = torch.Generator().manual_seed(1)
    ways = [torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters]
    analytic = sum((g * w).sum() for g, w in zip(gradients, ways, strict=True) if g is not None)
    losses = []
    for sign in (+1, -1):
        other = copy.deepcopy(subject)
        with torch.no_grad():
            others = [p for n, p in other.named_parameters() if not n.startswith("encoder.")]
            for parameter, way in zip(others, ways, strict=True):
                parameter.add_(way, alpha=sign * 1e-5)
        losses.append(other.outer_loss(EPISODE).item())
    assert float(analytic) == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-6)


def test_first_order_takes_the_step_and_another_gradient() -> None:
    first, second = learner(order=1), learner(order=2)
    losses = [one.outer_loss(EPISODE) for one in (first, second)]
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-12)
    one, other = (
        torch.autograd.grad(loss, [part.matcher.projection.weight])[0]
        for loss, part in zip(losses, (first, second), strict=True)
    )
    assert not torch.allclose(one, other)


def test_the_order_of_the_support_set_and_the_queries_do_not_matter() -> None:
    subject, support = learner().eval(), EPISODE.support
    order = torch.randperm(len(support.labels), generator=torch.Generator().manual_seed(0))
    shuffled = LabelledSet(support.molecules[order], support.labels[order])
    scores, again = (subject.adapt(one).score(EPISODE.query.molecules)
                     for one in (support, shuffled))  # fmt: skip
    torch.testing.assert_close(scores, again)
    alone = torch.cat([subject.adapt(support).score(row.unsqueeze(0))
                       for row in EPISODE.query.molecules])  # fmt: skip
    torch.testing.assert_close(scores, alone)


@pytest.mark.parametrize("labels", [[1.0, 0.0], [1.0, 1.0, 1.0], [0.0] * 5])
def test_a_set_of_any_labels_gives_finite_scores(labels: list[float]) -> None:
    support = LabelledSet(drawn(len(labels), 3).molecules, torch.tensor(labels).double())
    adapted = learner().eval().adapt(support)
    assert adapted.score(EPISODE.query.molecules).isfinite().all()


@pytest.mark.parametrize(
    ("head", "context"),
    [
        (MatchingHead, None), (PrototypicalHead, None), (lambda: LinearHead(dim=4), None),
        (ridge, lambda: Context(dim=4, width=4, blocks=1, heads=1)),
    ],
)  # fmt: skip
def test_what_has_no_likelihood_is_refused(head: Any, context: Any) -> None:
    with pytest.raises(InputError, match=r"inner\.loss: likelihood.*leave_one_out"):
        learner(head(), context and context())


def test_a_recipe_says_which_loss() -> None:
    recipe = {"head": {"name": "matching", "attention": "ridge"}, "inner": {"loss": "likelihood"}}
    assert build_learner(resolve_recipe(recipe)).inner.loss == "likelihood"
    assert resolve_recipe({}).inner["loss"] == "leave_one_out"
    assert np.isclose(MAML(loss="likelihood").lr, 0.05)
    with pytest.raises(InputError, match=r"inner\.loss"):
        resolve_recipe({"inner": {"loss": "evidence"}})
