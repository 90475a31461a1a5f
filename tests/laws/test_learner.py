"""Laws that every learner obeys: what reaches the gradient, and what never reaches a score."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch

from molmeta.chem.featurize import featurize
from molmeta.episodes.batch import collate
from molmeta.episodes.episode import Episode, LabelledSet
from molmeta.errors import InputError
from molmeta.learning.adapted import Adapted
from molmeta.learning.inner import MAML
from molmeta.learning.learner import Learner
from molmeta.models import GINE, Context, Encoder, Head, LinearHead, MatchingHead, PrototypicalHead
from molmeta.models.attention import Softmax
from molmeta.models.heads.matching import kernel
from molmeta.models.similarity import Euclidean, Similarity

SMILES = [
    "CCO", "CCN", "c1ccccc1", "CC(=O)O", "CCCl", "C1CCCCC1", "c1ccncc1", "CC(C)N", "C=CC#N",
    "O=C(N)c1ccccc1", "CS(=O)(=O)C", "C", "[Na+].[Cl-]", "OCC(O)CO", "c1ccsc1", "CC(=O)Nc1ccccc1",
]  # fmt: skip
LABELS = [1, 0, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0]
N_SUPPORT = 8
GRAPHS = featurize(SMILES).graphs


def labelled(start: int, stop: int, dtype: torch.dtype = torch.float32) -> LabelledSet:
    labels = torch.tensor(LABELS[start:stop], dtype=dtype)
    return LabelledSet(collate(GRAPHS, np.arange(start, stop)), labels)


SUPPORT, QUERY = labelled(0, N_SUPPORT), labelled(N_SUPPORT, len(SMILES))
EPISODE = Episode("", SUPPORT, QUERY)
STEP = 2e-4

Adapt = Literal["matcher", "all", "head"] | tuple[str, ...]

# What the inner loop does, and what it moves.
ALGORITHMS: dict[str, tuple[Adapt, dict[str, Any]]] = {
    "MAML": ("all", {}),
    "first order": ("all", {"order": 1}),
    "matcher": ("matcher", {}),
    "matcher, first order": ("matcher", {"order": 1}),
    "ANIL": ("head", {}),
    "named": (("matcher.head", "encoder.final_norm"), {}),
    "Meta-SGD": ("matcher", {"rates": "element"}),
    "learned rates": ("all", {"rates": "module", "order": 1}),
    "three steps": ("all", {"steps": 3}),
    "Reptile": ("matcher", {"order": "reptile", "steps": 2}),
    "no step": ("matcher", {"steps": 0}),
}
HEADS: dict[str, Callable[[], Head]] = {
    "matching": MatchingHead,
    "matching euclidean": lambda: MatchingHead(Similarity(Euclidean()), Softmax(balanced=True)),
    "prototypical": PrototypicalHead,
    "prototypical mahalanobis": lambda: PrototypicalHead(metric="mahalanobis", balanced=False),
    "kernel": lambda: kernel(dim=8),
    "matching in context": MatchingHead,
    "linear in context": lambda: LinearHead(dim=8),
    "linear": lambda: LinearHead(dim=8),
    "linear from prototypes": lambda: LinearHead(dim=8, start="prototypes"),
}
CASES = [
    (algorithm, head)
    for algorithm in ALGORITHMS
    for head in HEADS
    if (algorithm, head) != ("no step", "linear")  # refused: it would not see the support set
]


def every(cases: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Run a test on these; the fast ones cover each algorithm and each head."""
    return pytest.mark.parametrize(
        ("algorithm", "head"),
        [
            pytest.param(*case, marks=[] if "MAML" in case or "matching" in case else SLOW)
            for case in cases
        ],
    )


WITH_STEPS = [case for case in CASES if case[0] != "no step"]
SLOW = pytest.mark.slow


def make(algorithm: str, head: str, encoder: Encoder | None = None, **inner: Any) -> Learner:
    torch.manual_seed(0)
    adapt, settings = ALGORITHMS[algorithm]
    encoder = encoder or GINE(dim=16, layers=2)
    maml, context = MAML(**{**settings, **inner}), None
    if head.endswith("in context"):
        context = Context(dim=8, width=8, blocks=1, heads=2, dropout=0.0)
        nn.init.normal_(context.up.weight)  # zero before training
    return Learner(encoder, HEADS[head](), maml, context, adapt=adapt, projection=8)


def learner(adapt: Adapt = "matcher", encoder: Encoder | None = None, **inner: Any) -> Learner:
    torch.manual_seed(0)
    encoder = encoder or GINE(dim=16, layers=2)
    return Learner(encoder, MatchingHead(), MAML(**inner), adapt=adapt, projection=8)


@every(CASES)
def test_every_parameter_gets_a_gradient(algorithm: str, head: str) -> None:
    subject = make(algorithm, head)
    subject.outer_loss(EPISODE).backward()
    for name, parameter in subject.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # An element that the loss cannot move, such as an unseen atom's, may have a rate in vain.
        assert parameter.grad.abs().sum() > 0 or name.startswith("inner."), name
    rates = list(subject.inner.parameters())
    assert not rates or any(rate.grad is not None and rate.grad.any() for rate in rates)


class SmoothGINE(GINE):
    """Finite differences need what has no kinks: SiLU instead of the messages' ReLU."""

    def __init__(self) -> None:
        super().__init__(dim=6, layers=2)
        for convolution in self.convolutions:
            part: Any = convolution
            part.message = lambda x_j, edge_attr: nn.functional.silu(x_j + edge_attr)


@every([case for case in CASES if ALGORITHMS[case[0]][1].get("order", 2) == 2])
def test_second_order_meta_gradient_equals_central_differences(algorithm: str, head: str) -> None:
    """In float64, along random directions, through the inner steps and a small GINE."""
    subject = make(algorithm, head, SmoothGINE(), lr=0.3).double()
    parameters = list(subject.parameters())
    episode = Episode("", *(
        LabelledSet(part.molecules, part.labels.double()) for part in (SUPPORT, QUERY)
    ))  # fmt: skip
    gradients = torch.autograd.grad(subject.outer_loss(episode), parameters)
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        directions = [
            torch.randn(p.shape, generator=generator, dtype=torch.float64) for p in parameters
        ]
        analytic = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
        # Richardson's combination of two central differences: the error is of fourth order.
        coarse, fine = (difference(subject, episode, directions, step) for step in (STEP, STEP / 2))
        assert float(analytic) == pytest.approx((4 * fine - coarse) / 3, rel=1e-6)


def difference(subject: Learner, episode: Episode, directions: list[Tensor], step: float) -> float:
    losses = []
    for sign in (+1, -1):
        moved = copy.deepcopy(subject)
        with torch.no_grad():
            for parameter, direction in zip(moved.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=sign * step)
        losses.append(moved.outer_loss(episode).item())
    return (losses[0] - losses[1]) / (2 * step)


def meta_gradient(algorithm: str, head: str, **inner: Any) -> Tensor:
    subject = make(algorithm, head, **inner)
    subject.outer_loss(EPISODE).backward()
    return torch.cat([p.grad.flatten() for p in subject.parameters() if p.grad is not None])


@every(WITH_STEPS)
def test_second_order_differs_from_first_unless_the_rate_is_zero(algorithm: str, head: str) -> None:
    first, second = (meta_gradient(algorithm, head, order=order, lr=0.1) for order in (1, 2))
    if ALGORITHMS[algorithm][0] == "head" and head == "linear":
        # The loss is convex in the head alone, and its second derivatives reach all below it.
        assert not torch.equal(first, second)
    else:
        assert not torch.allclose(first, second, rtol=1e-4)
    first, second = (
        meta_gradient(algorithm, head, order=order, lr=0.0, rates="fixed") for order in (1, 2)
    )
    torch.testing.assert_close(first, second)


@every(WITH_STEPS)
def test_inner_step_moves_what_it_should_along_the_gradient(algorithm: str, head: str) -> None:
    subject = make(algorithm, head, lr=0.1, steps=1)
    start = subject.adapted_parameters()
    assert not any(name.startswith("inner.") for name in start)
    embeddings = subject.encode(SUPPORT.molecules)
    scores, counts = subject.leave_one_out({}, embeddings, SUPPORT.labels)
    loss = nn.functional.binary_cross_entropy_with_logits(scores[counts], SUPPORT.labels[counts])
    gradients = torch.autograd.grad(loss, list(start.values()))
    adapted = subject.adapt(SUPPORT).parameters
    assert adapted.keys() == start.keys()
    for (name, value), gradient in zip(start.items(), gradients, strict=True):
        torch.testing.assert_close(adapted[name], value - 0.1 * gradient, rtol=1e-4, atol=1e-6)


@every(CASES)
def test_adapting_and_scoring_leave_the_learner_as_it_was(algorithm: str, head: str) -> None:
    subject = make(algorithm, head).eval()
    before = copy.deepcopy(subject.state_dict())
    subject.adapt(SUPPORT).score(QUERY.molecules)
    assert all(torch.equal(value, before[name]) for name, value in subject.state_dict().items())
    assert all(parameter.grad is None for parameter in subject.parameters())


@every(CASES)
def test_a_query_scores_the_same_alone_and_among_others(algorithm: str, head: str) -> None:
    adapted = make(algorithm, head).eval().adapt(SUPPORT)
    together = adapted.score(QUERY.molecules)
    alone = [
        adapted.score(collate(GRAPHS, np.array([number])))
        for number in range(N_SUPPORT, len(SMILES))
    ]
    torch.testing.assert_close(torch.cat(alone), together, rtol=1e-5, atol=1e-5)


@every(CASES)
def test_order_of_the_support_set_does_not_matter(algorithm: str, head: str) -> None:
    subject = make(algorithm, head).eval()
    order = np.random.default_rng(0).permutation(N_SUPPORT)
    shuffled = LabelledSet(collate(GRAPHS, order), SUPPORT.labels[torch.from_numpy(order)])
    torch.testing.assert_close(
        subject.adapt(shuffled).score(QUERY.molecules),
        subject.adapt(SUPPORT).score(QUERY.molecules),
        rtol=1e-4,
        atol=1e-5,
    )


@every(WITH_STEPS)
def test_adaptation_changes_scores_and_zero_steps_do_not(algorithm: str, head: str) -> None:
    subject = make(algorithm, head, lr=0.5).eval()
    adapted = subject.adapt(SUPPORT).score(QUERY.molecules)
    plain = subject.adapt(SUPPORT, steps=0).score(QUERY.molecules)
    embeddings = [subject.encode(part.molecules) for part in (SUPPORT, QUERY)]
    torch.testing.assert_close(
        plain, subject.scores({}, embeddings[0], SUPPORT.labels, embeddings[1])
    )
    assert not torch.allclose(adapted, plain, rtol=1e-4, atol=0)


@every(CASES)
def test_an_adapted_learner_that_was_saved_scores_to_the_same_bits(
    algorithm: str, head: str, tmp_path: Path
) -> None:
    subject = make(algorithm, head).eval()
    adapted = subject.adapt(SUPPORT)
    adapted.save(tmp_path / "adapted.safetensors")
    loaded = Adapted.load(tmp_path / "adapted.safetensors", make(algorithm, head).eval())
    assert torch.equal(loaded.score(QUERY.molecules), adapted.score(QUERY.molecules))


@pytest.mark.parametrize("tied", [False, True])
def test_adapted_scores_are_those_of_a_learner_with_the_adapted_weights(tied: bool) -> None:
    """Also where a parameter has two names."""
    encoder = GINE(dim=16, layers=2)
    if tied:
        first, second = (cast(Any, one).nn[0] for one in encoder.convolutions[:2])
        second.weight = first.weight
    subject = learner("all", encoder, lr=0.5).eval()
    adapted = subject.adapt(SUPPORT)
    moved = copy.deepcopy(subject)
    moved.load_state_dict(adapted.parameters, strict=False)
    torch.testing.assert_close(
        moved.adapt(SUPPORT, steps=0).score(QUERY.molecules), adapted.score(QUERY.molecules)
    )


def test_an_encoder_that_fails_leaves_the_learner_as_it_was() -> None:
    subject = learner("all").eval()
    adapted, before = subject.adapt(SUPPORT), dict(subject.named_parameters())
    with pytest.raises(KeyError):
        adapted.score(Batch())  # no atoms, no bonds
    after = dict(subject.named_parameters())
    assert all(after[name] is parameter for name, parameter in before.items())


def test_an_adapted_learner_of_other_weights_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "adapted.safetensors"
    learner().eval().adapt(SUPPORT).save(file)
    other = learner()
    with torch.no_grad():
        cast(Any, other.matcher.head).attention.log_scale += 1
    with pytest.raises(InputError, match="not saved from this learner"):
        Adapted.load(file, other)
    file.write_bytes(b"no tensors")
    with pytest.raises(InputError, match="cannot be read"):
        Adapted.load(file, other)


@every([case for case in CASES if case[0] != "Reptile"])  # which has no outer loss
def test_outer_loss_is_that_of_the_adapted_learner(algorithm: str, head: str) -> None:
    subject = make(algorithm, head).eval()
    torch.testing.assert_close(subject.outer_loss(EPISODE), subject.adapt(SUPPORT).loss(QUERY))


@pytest.mark.parametrize("algorithm", ["MAML", "matcher", "three steps", "no step"])
def test_a_joint_batch_gives_the_same_gradients(algorithm: str) -> None:
    joint = collate(GRAPHS, np.arange(len(SMILES)))
    gradients = []
    for episode in (EPISODE, replace(EPISODE, joint=joint)):
        subject = make(algorithm, "matching")
        subject.outer_loss(episode).backward()
        gradients.append(
            torch.cat([p.grad.flatten() for p in subject.parameters() if p.grad is not None])
        )
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-6)


def test_continuous_labels_descend_their_squared_error() -> None:
    torch.manual_seed(0)
    subject = Learner(
        GINE(dim=16, layers=2), MatchingHead(attention=Softmax(continuous=True)), projection=8
    )
    values = [torch.randn(8) for _ in range(2)]
    support, query = (
        LabelledSet(part.molecules, y) for part, y in zip((SUPPORT, QUERY), values, strict=True)
    )
    adapted = subject.adapt(support)
    expected = (adapted.score(query.molecules) - values[1]).square().mean() / 2
    torch.testing.assert_close(subject.outer_loss(Episode("", support, query)), expected)
    before, after = (
        subject._support_loss(parameters, support.molecules, support.labels)
        for parameters in (subject.adapted_parameters(), adapted.parameters)
    )
    assert after < before


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("n_support", [N_SUPPORT, 80])
def test_own_label_never_reaches_its_leave_one_out_score(head: str, n_support: int) -> None:
    subject = make("matcher", head).eval()
    embeddings = torch.randn(n_support, 16, generator=torch.Generator().manual_seed(0))
    labels = (torch.arange(n_support) % 3 == 0).float()
    scores, _ = subject.leave_one_out({}, embeddings, labels)
    for i in range(0, n_support, 1 + n_support // 10):
        flipped = labels.clone()
        flipped[i] = 1 - flipped[i]
        others, _ = subject.leave_one_out({}, embeddings, flipped)
        assert torch.equal(others[i], scores[i])
        assert head == "linear" or not torch.equal(others, scores)


def views_of(n_support: int, seed: int = 0) -> tuple[Tensor, Tensor, Learner]:
    """Vectors, and what the head sees of them in leave-one-out, (n, n)."""
    subject, seen = learner(), []
    embeddings = torch.randn(n_support, 16, generator=torch.Generator().manual_seed(seed))
    subject.matcher.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[3]))
    subject.leave_one_out({}, embeddings, torch.ones(n_support))
    return embeddings, seen[0], subject


@pytest.mark.parametrize("n_support", [2, 64])
def test_up_to_64_molecules_each_is_left_out_alone(n_support: int) -> None:
    assert torch.equal(views_of(n_support)[1], ~torch.eye(n_support, dtype=torch.bool))


@pytest.mark.parametrize("n_support", [65, 80, 512])
def test_above_64_molecules_are_left_out_in_sixteen_folds(n_support: int) -> None:
    embeddings, visible, subject = views_of(n_support)
    assert not visible.diagonal().any()
    assert torch.equal(visible, visible.T)
    folds = visible.unique(dim=0)
    assert len(folds) == 16
    assert ((~folds).sum(0) == 1).all()  # each molecule is in one fold
    n_hidden = (~folds).sum(1)
    assert n_hidden.max() - n_hidden.min() <= 1
    # Another order of the support set, the same folds.
    order = torch.randperm(n_support, generator=torch.Generator().manual_seed(1))
    labels = (torch.arange(n_support) % 3 == 0).float()
    scores, counts = subject.leave_one_out({}, embeddings, labels)
    shuffled, same = subject.leave_one_out({}, embeddings[order], labels[order])
    torch.testing.assert_close(shuffled, scores[order])
    assert torch.equal(same, counts[order])


def test_who_does_not_see_both_classes_leaves_the_inner_loss() -> None:
    embeddings, visible, subject = views_of(80)
    labels = torch.zeros(80)
    first, second = 3, int((visible[3]).nonzero()[0])  # in different folds
    labels[first] = labels[second] = 1
    assert subject.leave_one_out({}, embeddings, labels)[1].all()
    labels[second] = 0
    assert torch.equal(subject.leave_one_out({}, embeddings, labels)[1], visible[first])


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
    encoder = GINE(dim=16, layers=2)
    encoder.atoms.weight.requires_grad_(False)
    subject = learner("all", encoder)
    adapted = subject.adapt(SUPPORT)
    assert "encoder.atoms.weight" not in adapted.parameters
    adapted.loss(QUERY).backward()
    assert encoder.atoms.weight.grad is None
    assert subject.matcher.projection.weight.grad is not None


def test_stored_embeddings_serve_every_assay_unless_the_encoder_adapts() -> None:
    subject = learner("matcher").eval()
    stored = LabelledSet(subject.encode(SUPPORT.molecules), SUPPORT.labels)
    torch.testing.assert_close(
        subject.adapt(stored).score(subject.encode(QUERY.molecules)),
        subject.adapt(SUPPORT).score(QUERY.molecules),
    )
    with pytest.raises(InputError, match="stored embeddings"):
        learner("all").adapt(stored)


def no_scale() -> MatchingHead:
    head = MatchingHead()
    head.attention.log_scale.requires_grad_(False)
    return head


@pytest.mark.parametrize(
    ("head", "settings", "reason"),
    [
        (no_scale, {"adapt": "head"}, "no parameter that could adapt.*MatchingHead"),
        (MatchingHead, {"adapt": ("matcher.haed",)}, "Did you mean 'matcher.head'"),
        (MatchingHead, {"adapt": ("encoder.final",)}, "Did you mean 'encoder.final_norm'"),
        (MatchingHead, {"adapt": ("inner",)}, "unknown name in learner.adapt"),
        (LinearHead, {"inner": MAML(steps=0), "projection": 128}, "inner.steps: 0.*LinearHead"),
        (LinearHead, {"projection": 64}, r"head.dim: 128.*Set head.dim to 64"),
    ],
)
def test_parts_that_contradict_each_other_are_refused(
    head: Callable[[], Head], settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=f"(?s){reason}"):
        Learner(GINE(dim=8, layers=1), head(), **settings)


def test_a_lone_molecule_of_its_class_counts_where_the_head_reads_no_support_set() -> None:
    subject = make("MAML", "linear")
    labels = torch.zeros(N_SUPPORT)
    _, counts = subject.leave_one_out({}, subject.encode(SUPPORT.molecules), labels)
    assert counts.all()
