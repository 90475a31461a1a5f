"""Laws that every learner obeys: what reaches the gradient, and what never reaches a score."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import collate
from molmeta.episodes.episode import LabelledSet
from molmeta.errors import InputError
from molmeta.meta.inner import MAML
from molmeta.meta.learner import Learner
from molmeta.models import GINE, MatchingHead

SMILES = [
    "CCO", "CCN", "c1ccccc1", "CC(=O)O", "CCCl", "C1CCCCC1", "c1ccncc1", "CC(C)N", "C=CC#N",
    "O=C(N)c1ccccc1", "CS(=O)(=O)C", "C", "[Na+].[Cl-]", "OCC(O)CO", "c1ccsc1", "CC(=O)Nc1ccccc1",
]  # fmt: skip
LABELS = [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0]
N_SUPPORT = 8
GRAPHS = featurize(SMILES).graphs
MODES = ["above", "all", "head"]


def labelled(start: int, stop: int, dtype: torch.dtype = torch.float32) -> LabelledSet:
    labels = torch.tensor(LABELS[start:stop], dtype=dtype)
    return LabelledSet(collate(GRAPHS, np.arange(start, stop)), labels)


SUPPORT, QUERY = labelled(0, N_SUPPORT), labelled(N_SUPPORT, len(SMILES))


def learner(adapt: str = "above", encoder: nn.Module | None = None, **inner: object) -> Learner:
    torch.manual_seed(0)
    encoder = encoder or GINE(dim=16, layers=2)
    return Learner(encoder, MatchingHead(), MAML(**inner), adapt=adapt, projection=8)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("mode", MODES)
def test_every_parameter_gets_a_gradient(mode: str, order: int) -> None:
    subject = learner(mode, order=order)
    subject.adapt(SUPPORT).loss(QUERY).backward()
    for name, parameter in subject.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("mode", MODES)
def test_second_order_meta_gradient_equals_central_differences(mode: str) -> None:
    """In float64, along random directions, through the inner step and the encoder."""
    subject = learner(mode, encoder=SmoothEncoder(), lr=0.3, steps=2).double()
    support = LabelledSet(SUPPORT.molecules, SUPPORT.labels.double())
    query = LabelledSet(QUERY.molecules, QUERY.labels.double())
    parameters = list(subject.parameters())
    gradients = torch.autograd.grad(subject.adapt(support).loss(query), parameters)
    generator = torch.Generator().manual_seed(1)
    for _ in range(3):
        directions = [
            torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters
        ]
        analytic = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
        losses = []
        for sign in (+1, -1):
            moved = copy.deepcopy(subject)
            with torch.no_grad():
                for parameter, direction in zip(moved.parameters(), directions, strict=True):
                    parameter += sign * 1e-5 * direction
            losses.append(moved.adapt(support).loss(query).item())
        numeric = (losses[0] - losses[1]) / 2e-5
        assert float(analytic) == pytest.approx(numeric, rel=1e-6)


class SmoothEncoder(nn.Module):
    """One round of smooth message passing: finite differences need what has no kinks."""

    dim = 6

    def __init__(self) -> None:
        super().__init__()
        self.atoms = nn.Embedding(128, 6)
        self.mix = nn.Linear(6, 6)

    def forward(self, batch: object) -> Tensor:
        x = self.atoms(batch.x[:, 0])
        source, target = batch.edge_index
        x = torch.tanh(self.mix(x + torch.zeros_like(x).index_add(0, target, x[source])))
        return x.new_zeros(batch.num_graphs, 6).index_add(0, batch.batch, x)


def meta_gradient(mode: str, **inner: object) -> Tensor:
    subject = learner(mode, **inner)
    subject.adapt(SUPPORT).loss(QUERY).backward()
    return torch.cat([p.grad.flatten() for p in subject.parameters() if p.grad is not None])


@pytest.mark.parametrize("mode", MODES)
def test_second_order_differs_from_first_unless_the_rate_is_zero(mode: str) -> None:
    first, second = meta_gradient(mode, order=1, lr=0.1), meta_gradient(mode, order=2, lr=0.1)
    assert not torch.allclose(first, second, rtol=1e-4)
    torch.testing.assert_close(
        meta_gradient(mode, order=1, lr=0.0), meta_gradient(mode, order=2, lr=0.0)
    )


@pytest.mark.parametrize("mode", MODES)
def test_inner_step_moves_what_it_should_along_the_gradient(mode: str) -> None:
    subject = learner(mode, lr=0.1)
    start = subject.adapted_parameters()
    embeddings = subject.encode(SUPPORT.molecules)
    scores, counts = subject.leave_one_out({}, embeddings, SUPPORT.labels)
    loss = nn.functional.binary_cross_entropy_with_logits(scores[counts], SUPPORT.labels[counts])
    gradients = torch.autograd.grad(loss, list(start.values()))
    adapted = subject.adapt(SUPPORT).parameters
    for (name, value), gradient in zip(start.items(), gradients, strict=True):
        torch.testing.assert_close(adapted[name], value - 0.1 * gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_adapting_and_scoring_leave_the_learner_as_it_was(mode: str) -> None:
    subject = learner(mode).eval()
    before = copy.deepcopy(subject.state_dict())
    subject.adapt(SUPPORT).score(QUERY.molecules)
    assert all(torch.equal(value, before[name]) for name, value in subject.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.parameters())


@pytest.mark.parametrize("mode", MODES)
def test_a_query_scores_the_same_alone_and_among_others(mode: str) -> None:
    adapted = learner(mode).eval().adapt(SUPPORT)
    together = adapted.score(QUERY.molecules)
    alone = [
        adapted.score(collate(GRAPHS, np.array([number])))
        for number in range(N_SUPPORT, len(SMILES))
    ]
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_order_of_the_support_set_does_not_matter(mode: str) -> None:
    subject = learner(mode).eval()
    order = np.random.default_rng(0).permutation(N_SUPPORT)
    shuffled = LabelledSet(collate(GRAPHS, order), SUPPORT.labels[torch.from_numpy(order)])
    torch.testing.assert_close(
        subject.adapt(shuffled).score(QUERY.molecules),
        subject.adapt(SUPPORT).score(QUERY.molecules),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("mode", MODES)
def test_adaptation_changes_scores_and_zero_steps_do_not(mode: str) -> None:
    subject = learner(mode, lr=0.5).eval()
    adapted = subject.adapt(SUPPORT).score(QUERY.molecules)
    plain = subject.adapt(SUPPORT, steps=0).score(QUERY.molecules)
    embeddings = [subject.encode(part.molecules) for part in (SUPPORT, QUERY)]
    torch.testing.assert_close(
        plain, subject.scores({}, embeddings[0], SUPPORT.labels, embeddings[1])
    )
    assert not torch.allclose(adapted, plain, atol=1e-4)


def test_own_label_never_reaches_its_leave_one_out_score() -> None:
    subject = learner().eval()
    embeddings = subject.encode(SUPPORT.molecules)
    scores, _ = subject.leave_one_out({}, embeddings, SUPPORT.labels)
    for i in range(N_SUPPORT):
        flipped = SUPPORT.labels.clone()
        flipped[i] = 1 - flipped[i]
        assert torch.equal(subject.leave_one_out({}, embeddings, flipped)[0][i], scores[i])


def test_the_only_one_of_its_class_leaves_the_inner_loss() -> None:
    subject = learner().eval()
    embeddings = subject.encode(SUPPORT.molecules)
    labels = torch.zeros(N_SUPPORT)
    labels[3] = 1
    _, counts = subject.leave_one_out({}, embeddings, labels)
    assert counts.tolist() == [i != 3 for i in range(N_SUPPORT)]


@pytest.mark.parametrize("labels", [[1.0, 0.0], [1.0, 1.0]])
def test_no_step_is_taken_where_no_molecule_counts(labels: list[float]) -> None:
    subject = learner().eval()
    support = LabelledSet(collate(GRAPHS, np.arange(2)), torch.tensor(labels))
    adapted = subject.adapt(support)
    for name, value in subject.adapted_parameters().items():
        assert torch.equal(adapted.parameters[name], value), name
    assert adapted.score(QUERY.molecules).isfinite().all()


def test_frozen_layer_neither_adapts_nor_stops_training() -> None:
    subject = learner("all")
    subject.encoder.atoms.weight.requires_grad_(False)
    adapted = subject.adapt(SUPPORT)
    assert "encoder.atoms.weight" not in adapted.parameters
    adapted.loss(QUERY).backward()
    assert subject.encoder.atoms.weight.grad is None
    assert subject.above.projection.weight.grad is not None


def test_stored_embeddings_serve_every_assay_unless_the_encoder_adapts() -> None:
    subject = learner("above").eval()
    stored = LabelledSet(subject.encode(SUPPORT.molecules), SUPPORT.labels)
    torch.testing.assert_close(
        subject.adapt(stored).score(subject.encode(QUERY.molecules)),
        subject.adapt(SUPPORT).score(QUERY.molecules),
    )
    with pytest.raises(InputError, match="stored embeddings"):
        learner("all").adapt(stored)


def test_nothing_to_adapt_is_refused() -> None:
    head = MatchingHead()
    head.log_scale.requires_grad_(False)
    with pytest.raises(InputError, match="no parameter"):
        Learner(GINE(dim=8, layers=1), head, MAML(steps=1), adapt="head")
