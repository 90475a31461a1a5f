"""The laws of heads, on which learners rely; `check_head` holds any head to them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from molmeta.models.head import Head
from molmeta.testing.laws import (
    BrokenLaw,
    Subject,
    check,
    demand_finite,
    demand_gradient_everywhere,
    demand_same_state,
    demand_second_gradient,
    gradients,
)

SIZES = ((1, 1), (1, 2), (5, 11), (1, 63), (100, 28), (511, 1), (256, 256))
"""Actives and inactives of the support sets: 2 to 512 molecules, mostly of unequal classes."""

N_QUERY = 7


def check_head(
    head: nn.Module | Callable[[], nn.Module], *, dim: int | None = None, tolerance: float = 1e-5
) -> None:
    """Hold a head to the laws of heads.

    It turns a support set, its labels and q queries into q scores; the order of the support set
    does not matter; a query scores the same alone and among others; what a query may not see
    could as well be absent, and its label leaves the score bit-identical; support sets of 2 to 512
    molecules and any class ratio, also with a class absent for a query, give finite scores and
    gradients; a query may have its own view of the support set; every parameter gets a gradient;
    second gradients are finite; using it changes no parameter and no buffer.

    >>> from molmeta.models import PrototypicalHead
    >>> check_head(PrototypicalHead())

    Args:
        head: A module, of which a copy is tested; or a class or function that makes one when
            called without arguments.
        dim: Width of the embeddings that it is given; by default its own `dim`, where it has one.
        tolerance: How far equal scores may differ, as a fraction of the larger of 1 and the
            greatest score.

    Raises:
        BrokenLaw: The first law that it breaks and by how much.
    """
    check(head, Head, LAWS, width=dim, tolerance=tolerance)


def _shape(subject: Subject) -> None:
    """q queries get q finite scores."""
    support, labels, query = _draw(subject)
    scores = subject.module(support, labels, query)
    if not isinstance(scores, Tensor) or scores.shape != (N_QUERY,):
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise BrokenLaw(f"got {got}; expected a tensor of shape ({N_QUERY},)")
    demand_finite({"the scores": scores})


def _support_order(subject: Subject) -> None:
    """The order of the support set does not matter."""
    support, labels, query = _draw(subject)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))
    visible = _some_hidden(len(labels))
    subject.demand_equal(
        subject.module(support[order], labels[order], query, visible[:, order]),
        subject.module(support, labels, query, visible),
        "a score under another order",
    )


def _alone(subject: Subject) -> None:
    """A query scores the same alone and among others."""
    support, labels, query = _draw(subject)
    for visible in (None, _some_hidden(len(labels))):
        together = subject.module(support, labels, query, visible)
        for i in range(N_QUERY):
            row = None if visible is None else visible[i : i + 1]
            alone = subject.module(support, labels, query[i : i + 1], row)
            subject.demand_equal(alone[0], together[i], f"query {i} alone")


def _hidden_label(subject: Subject) -> None:
    """A label that a query may not see leaves its score bit-identical."""
    support, labels, _ = _draw(subject)
    others = ~torch.eye(len(labels), dtype=torch.bool)
    scores = subject.module(support, labels, support, others)
    for i in range(len(labels)):
        flipped = labels.clone()
        flipped[i] = 1 - flipped[i]
        change = (subject.module(support, flipped, support, others)[i] - scores[i]).abs().item()
        if not change == 0:
            raise BrokenLaw(f"flipping the hidden label {i} moves the score by {change:.2g}")


def _hidden_molecule(subject: Subject) -> None:
    """A support molecule that no query may see could as well be absent."""
    support, labels, query = _draw(subject)
    n_seen = len(labels)
    padding = torch.randn(5, subject.width, generator=torch.Generator().manual_seed(4))
    visible = (torch.arange(n_seen + 5) < n_seen).expand(N_QUERY, -1)
    padded_labels = torch.cat([labels, torch.ones(5)])
    subject.demand_equal(
        subject.module(torch.cat([support, padding]), padded_labels, query, visible),
        subject.module(support, labels, query),
        "a score beside five hidden molecules",
    )


def _own_view(subject: Subject) -> None:
    """Each query may have its own view of the support set, of shape (q, s, d)."""
    support, labels, query = _draw(subject)
    views = torch.randn(N_QUERY, *support.shape, generator=torch.Generator().manual_seed(5))
    for visible in (None, _some_hidden(len(labels))):
        scores = subject.module(views, labels, query, visible)
        for i in range(N_QUERY):
            row = None if visible is None else visible[i : i + 1]
            plain = subject.module(views[i], labels, query[i : i + 1], row)
            subject.demand_equal(scores[i], plain[0], f"query {i} with its own view")


def _sizes(subject: Subject) -> None:
    """Support sets of 2 to 512 molecules and any class ratio give finite scores and gradients."""
    for n_active, n_inactive in SIZES:
        _demand_all_finite(subject, n_active, n_inactive, None)


def _absent_class(subject: Subject) -> None:
    """Where a query sees a single class, or nothing, scores and gradients are finite."""
    for n_active, n_inactive in ((0, 2), (2, 0), (1, 0), (0, 16)):
        _demand_all_finite(subject, n_active, n_inactive, None)
    active = torch.arange(16) < 5
    blank = torch.zeros_like(active)
    rows = torch.stack([active, ~active, blank, ~blank, active, ~active, ~blank])
    _demand_all_finite(subject, 5, 11, rows)
    others = ~torch.eye(2, dtype=torch.bool)
    _demand_all_finite(subject, 1, 1, others, n_query=2)


def _gradient(subject: Subject) -> None:
    """Every parameter gets a gradient."""
    demand_gradient_everywhere(_loss(subject, *_draw(subject)), subject.parameters())


def _second_gradient(subject: Subject) -> None:
    """Second gradients are finite, leaving one out included (MAML differentiates twice)."""
    for n_active, n_inactive in ((5, 11), (1, 2), (1, 1)):
        support, labels, _ = _draw(subject, n_active, n_inactive)
        others = ~torch.eye(len(labels), dtype=torch.bool)
        support.requires_grad_()
        loss = _loss(subject, support, labels, support, others)
        demand_second_gradient(loss, {**subject.parameters(), "the support set": support})


def _state(subject: Subject) -> None:
    """Scoring changes no parameter and no buffer."""
    subject.module.train()
    demand_same_state(subject.module, lambda: subject.module(*_draw(subject)))


LAWS = (
    _shape, _support_order, _alone, _hidden_label, _hidden_molecule, _own_view, _sizes,
    _absent_class, _gradient, _second_gradient, _state,
)  # fmt: skip


def _draw(
    subject: Subject, n_active: int = 5, n_inactive: int = 11, n_query: int = N_QUERY
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw a support set, its labels and queries; the classes overlap, as real ones do."""
    generator = torch.Generator().manual_seed(n_active + 1000 * n_inactive)
    support = torch.randn(n_active + n_inactive, subject.width, generator=generator)
    labels = (torch.arange(n_active + n_inactive) < n_active).float()
    return support, labels, torch.randn(n_query, subject.width, generator=generator)


def _some_hidden(n_support: int) -> Tensor:
    """Mark the support molecules that each query sees, (N_QUERY, n_support): about two thirds."""
    generator = torch.Generator().manual_seed(6)
    return torch.rand(N_QUERY, n_support, generator=generator) < 2 / 3


def _loss(
    subject: Subject, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
) -> Tensor:
    """Compute the cross-entropy that trains heads, under alternating labels of the queries."""
    scores = subject.module(support, labels, query, visible)
    target = (torch.arange(len(scores)) % 2).float()
    return nn.functional.binary_cross_entropy_with_logits(scores, target)


def _demand_all_finite(
    subject: Subject, n_active: int, n_inactive: int, visible: Tensor | None, n_query: int = N_QUERY
) -> None:
    support, labels, query = _draw(subject, n_active, n_inactive, n_query)
    inputs = {"the support set": support.requires_grad_(), "the queries": query.requires_grad_()}
    scores = subject.module(support, labels, query, visible)
    loss = nn.functional.softplus(scores).sum()
    where = f" with {n_active} actives and {n_inactive} inactives"
    found = gradients(loss, {**subject.parameters(), **inputs})
    demand_finite(
        {f"the scores{where}": scores}
        | {f"the gradient of {name}{where}": value for name, value in found.items()}
    )
