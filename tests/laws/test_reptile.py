"""Reptile's laws: one step is joint training, k steps are the way that they go."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import collate, make_episode
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import InputError
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.models import GINE, Head, LinearHead, MatchingHead
from molmeta.training.gradients import accumulate_gradients

DIM, LR = 6, 0.3
SMILES = ["CCO", "CCN", "c1ccccc1", "CC(=O)O", "CCCl", "C1CCCCC1", "c1ccncc1", "CC(C)N"]
Array = NDArray[np.float64]


def learner(head: Head | None = None, adapt: Any = "matcher", **inner: Any) -> Learner:
    torch.manual_seed(0)
    maml = MAML(**{"order": "reptile", "lr": LR, "steps": 3, **inner})
    encoder = GINE(dim=DIM, layers=1, dropout=0.0)
    return Learner(encoder, head or MatchingHead(), maml, adapt=adapt, projection=4).double()


def drawn(n: int, seed: int) -> LabelledSet:
    """Vectors that stand for molecules, half of them active."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, DIM, generator=generator, dtype=torch.float64)
    return LabelledSet(rows, (torch.arange(n) % 2).double())


EPISODE = Episode("", drawn(10, 0), drawn(7, 1))
GRAPHS = Episode("", *(
    LabelledSet(collate(featurize(SMILES).graphs, np.arange(start, start + 4)),
                torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64))
    for start in (0, 4)
))  # fmt: skip


def gradients(subject: Learner, episode: Episode) -> dict[str, Tensor]:
    subject.zero_grad()
    subject.outer_loss(episode).backward()
    return {name: p.grad for name, p in subject.named_parameters() if p.grad is not None}


def joint_loss(subject: Learner, episode: Episode) -> Tensor:
    """The loss of all of an episode's molecules, each predicted from the others."""
    parts = episode.support, episode.query
    vectors = torch.cat([subject.encode(part.molecules) for part in parts])
    labels = torch.cat([part.labels for part in parts])
    scores, counts = subject.leave_one_out({}, vectors, labels)
    return torch.nn.functional.binary_cross_entropy_with_logits(scores[counts], labels[counts])


def by_hand(subject: Learner, episode: Episode, steps: int) -> dict[str, Array]:
    """Where gradient steps lead a linear head on a projection, z = (Wx + b)·w + c, in NumPy."""
    x = torch.cat([episode.support.molecules, episode.query.molecules]).numpy()
    y = torch.cat([episode.support.labels, episode.query.labels]).numpy()
    names = ["projection.weight", "projection.bias", "head.weight", "head.bias"]
    big, b, w, c = (subject.matcher.get_parameter(name).detach().numpy() for name in names)
    for _ in range(steps):
        hidden = x @ big.T + b
        error = (1 / (1 + np.exp(-(hidden @ w + c))) - y) / len(y)
        back = np.outer(error, w)
        big, b, w, c = (
            value - LR * slope
            for value, slope in zip(
                (big, b, w, c),
                (back.T @ x, back.sum(0), hidden.T @ error, error.sum()),
                strict=True,
            )
        )
    return {f"matcher.{name}": np.asarray(v) for name, v in zip(names, (big, b, w, c), strict=True)}


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_outer_gradient_is_the_way_of_the_steps_by_their_rate(steps: int) -> None:
    """(θ − θₖ) / α, by a network written by hand."""
    subject = learner(LinearHead(dim=4), steps=steps)
    found, ends = gradients(subject, EPISODE), by_hand(subject, EPISODE, steps)
    for name, end in ends.items():
        way = (subject.get_parameter(name).detach().numpy() - end) / LR
        assert np.abs(way).max() > 1e-3
        np.testing.assert_allclose(found[name].numpy(), way, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("adapt", ["matcher", "all", "head"])
def test_steps_go_where_plain_gradient_descent_goes(adapt: str) -> None:
    """What does not adapt gets the sum of the gradients on the way."""
    subject = learner(adapt=adapt)
    found, moved = gradients(subject, GRAPHS), copy.deepcopy(subject)
    adapts = subject.adapted_parameters()
    descent = torch.optim.SGD([moved.get_parameter(name) for name in adapts], lr=LR)
    moved.zero_grad()
    for _ in range(3):
        descent.zero_grad()
        joint_loss(moved, GRAPHS).backward()
        descent.step()
    for name, parameter in subject.named_parameters():
        end = moved.get_parameter(name)
        expected = (parameter - end).detach() / LR if name in adapts else end.grad
        assert expected is not None, name
        torch.testing.assert_close(found[name], expected, rtol=1e-7, atol=1e-9, msg=name)


@pytest.mark.parametrize("adapt", ["matcher", "all", "head"])
@pytest.mark.parametrize("head", [MatchingHead, lambda: LinearHead(dim=4)])
def test_one_step_is_joint_training(adapt: str, head: Any) -> None:
    subject = learner(head(), adapt, steps=1)
    found = gradients(subject, GRAPHS)
    subject.zero_grad()
    joint_loss(subject, GRAPHS).backward()
    assert found.keys() == dict(subject.named_parameters()).keys()
    for name, parameter in subject.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-9, atol=1e-12, msg=name)


def test_a_plain_outer_step_goes_towards_the_mean_of_where_the_episodes_lead() -> None:
    """θ ← θ + ε mean(θₖ − θ), with dropout of none and each episode's steps of its own."""
    store = AssayStore.from_frame(drug_mechanisms("train"))
    sampler, subject = EpisodeSampler(store, (4,), 4, seed=0), learner(lr=0.05).float().train()
    loss = accumulate_gradients(subject, sampler, step=2, slots=range(3), n_slots=3)
    adapts, ways, losses = subject.adapted_parameters(), [], []
    for slot in range(3):
        episode, moved = make_episode(store, *sampler.draw(2, slot)), copy.deepcopy(subject)
        descent = torch.optim.SGD([moved.get_parameter(name) for name in adapts], lr=0.05)
        for _ in range(3):
            descent.zero_grad()
            step = joint_loss(moved, episode)
            step.backward()
            descent.step()
            losses.append(step.item())
        ways.append({name: moved.get_parameter(name) - adapts[name] for name in adapts})
    for name, parameter in adapts.items():
        mean = torch.stack([way[name] for way in ways]).mean(0)
        assert parameter.grad is not None
        torch.testing.assert_close(-0.05 * parameter.grad, mean, rtol=1e-3, atol=1e-6, msg=name)
    assert loss == pytest.approx(sum(losses) / 3, rel=1e-4)


def test_support_and_query_set_are_one() -> None:
    """There is no outer loss, so that it does not matter which molecules are in which set."""
    subject = learner()
    there, back = (gradients(subject, one) for one in
                   (EPISODE, Episode("", EPISODE.query, EPISODE.support)))  # fmt: skip
    for name, one in there.items():
        torch.testing.assert_close(one, back[name], msg=name)
    name = "matcher.projection.weight"
    assert not torch.allclose(there[name], gradients(learner(order=1), EPISODE)[name])


@pytest.mark.parametrize("adapt", ["matcher", "all"])
def test_a_joint_batch_gives_the_same_gradients(adapt: str) -> None:
    joint = replace(GRAPHS, joint=collate(featurize(SMILES).graphs, np.arange(8)))
    apart, together = (gradients(learner(adapt=adapt), one) for one in (GRAPHS, joint))
    for name, one in apart.items():
        torch.testing.assert_close(one, together[name], msg=name)


def test_in_use_it_takes_the_same_steps_as_the_other_orders() -> None:
    reptile, first = learner(), learner(order=1)
    adapted, other = (one.eval().adapt(EPISODE.support).parameters for one in (reptile, first))
    assert all(torch.equal(value, other[name]) for name, value in adapted.items())
    trained = learner().train().adapt(EPISODE.support).parameters
    torch.testing.assert_close(trained, adapted)


@pytest.mark.parametrize("inner", [{"steps": 0}, {"rates": "tensor"}, {"loss": "likelihood"}])
def test_what_it_cannot_go_with_is_refused(inner: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"inner\.order: reptile.*one step.*fixed.*leave_one_out"):
        learner(**inner)
