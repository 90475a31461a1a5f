"""The context: what reaches a vector, what must not, and derivatives."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradgradcheck

from molmeta.errors import InputError
from molmeta.models import Columns, Context, Encoder, Head, MatchingHead
from molmeta.models.attention import Softmax
from molmeta.models.heads.matching import kernel
from molmeta.models.matcher import Matcher

DIM, N_SUPPORT, N_QUERY = 6, 9, 4


def make(*, trained: bool = True, blocks: int = 2) -> Context:
    """In double precision; `trained`: what it adds to the vectors no longer is zero."""
    torch.manual_seed(0)
    context = Context(dim=DIM, dropout=0.0, width=8, blocks=blocks, heads=2).double()
    if trained:
        nn.init.normal_(context.up.weight)
        nn.init.normal_(context.up.bias)
    return context


def draw() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    support, query = (
        torch.randn(n, DIM, generator=generator, dtype=torch.float64) for n in (N_SUPPORT, N_QUERY)
    )
    return support, (torch.arange(N_SUPPORT) % 3 == 0).double(), query


def random_view() -> Tensor:
    visible = torch.rand(N_QUERY, N_SUPPORT, generator=torch.Generator().manual_seed(2)) < 0.6
    visible[1] = visible[0]  # two queries with one view
    return visible


def test_an_untrained_context_changes_nothing() -> None:
    context, (support, labels, query) = make(trained=False), draw()
    known, asked = context(support, labels, query)
    assert torch.equal(known, support)
    assert torch.equal(asked, query)
    views, asked = context(support, labels, query, random_view())
    assert torch.equal(views, support.expand(N_QUERY, -1, -1))
    assert torch.equal(asked, query)


def test_a_trained_context_sees_vectors_and_labels() -> None:
    context, (support, labels, query) = make(), draw()
    known, asked = context(support, labels, query)
    moved = support.clone()
    moved[0] += 1
    for other in (context(moved, labels, query), context(support, 1 - labels, query)):
        assert not torch.isclose(other[0], known).all(-1).any()  # every support molecule
        assert not torch.isclose(other[1], asked).all(-1).any()  # and every query


def test_order_of_the_support_set_does_not_matter() -> None:
    context, (support, labels, query) = make(), draw()
    order = torch.randperm(N_SUPPORT, generator=torch.Generator().manual_seed(0))
    visible = random_view()
    for seen, shuffled in ((None, None), (visible, visible[:, order])):
        known, asked = context(support, labels, query, seen)
        other, asked_of_other = context(support[order], labels[order], query, shuffled)
        torch.testing.assert_close(other, known[..., order, :])
        torch.testing.assert_close(asked_of_other, asked)


def test_a_query_is_the_same_alone_and_among_others() -> None:
    context, (support, labels, query) = make(), draw()
    visible = random_view()
    for seen in (None, visible):
        known, asked = context(support, labels, query, seen)
        for i in range(N_QUERY):
            view = None if seen is None else seen[i : i + 1]
            known_alone, alone = context(support, labels, query[i : i + 1], view)
            torch.testing.assert_close(alone[0], asked[i])
            expected = known if seen is None else known[i : i + 1]
            torch.testing.assert_close(known_alone, expected)


def test_what_is_hidden_is_as_if_absent() -> None:
    context, (support, labels, query) = make(), draw()
    visible = random_view()
    views, asked = context(support, labels, query, visible)
    for i, seen in enumerate(visible):
        known, alone = context(support[seen], labels[seen], query[i : i + 1])
        torch.testing.assert_close(views[i, seen], known)
        torch.testing.assert_close(asked[i], alone[0])


def test_not_a_bit_of_a_hidden_molecule_passes() -> None:
    context, (support, labels, query) = make(), draw()
    visible = random_view()
    views, asked = context(support, labels, query, visible)
    for i, seen in enumerate(visible):
        scrambled = torch.where(seen, labels, 1 - labels)
        moved = torch.where(seen.unsqueeze(-1), support, 7 * support)
        other_views, other_asked = context(moved, scrambled, query, visible)
        assert torch.equal(other_views[i, seen], views[i, seen])
        assert torch.equal(other_asked[i], asked[i])


def test_seeing_all_is_as_no_view_and_seeing_nothing_is_finite() -> None:
    context, (support, labels, query) = make(), draw()
    known, asked = context(support, labels, query)
    all_seen = torch.ones(N_QUERY, N_SUPPORT, dtype=torch.bool)
    views, asked_in_views = context(support, labels, query, all_seen)
    torch.testing.assert_close(views, known.expand(N_QUERY, -1, -1))
    torch.testing.assert_close(asked_in_views, asked)
    views, nothing = context(support, labels, query, ~all_seen)
    assert views.isfinite().all()
    torch.testing.assert_close(nothing, context(support[:0], labels[:0], query)[1])


def test_every_parameter_gets_a_gradient() -> None:
    context, (support, labels, query) = make(), draw()
    for visible in (None, random_view()):
        context.zero_grad()
        views, asked = context(support, labels, query, visible)
        (views.sin().sum() + asked.sin().sum()).backward()
        for name, parameter in context.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_second_derivatives_equal_finite_differences() -> None:
    context, (support, labels, query) = make(blocks=1), draw()
    visible = random_view()[:2, :4]
    inputs = (support[:4].requires_grad_(True), query[:2].requires_grad_(True))
    for seen in (None, visible):
        assert gradgradcheck(lambda s, q, seen=seen: context(s, labels[:4], q, seen), inputs)


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(InputError, match=r"context\.heads: 3; got context\.width: 8"):
        Context(width=8, heads=3)


class Given(Encoder):
    """Its rows are what it is given."""

    def __init__(self, **columns: int) -> None:
        super().__init__()
        self._columns = Columns(**columns)
        self.dim = self.columns.dim

    def forward(self, batch: Tensor) -> Tensor:
        return batch


class Reader(Head):
    """Reads some columns; returns what it was given."""

    def __init__(self, *reads: str) -> None:
        super().__init__()
        self.reads = frozenset(reads)

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> Any:
        return support, query


@pytest.mark.parametrize("in_context", [False, True])
def test_a_sketch_passes_by_projection_and_context(in_context: bool) -> None:
    context = make() if in_context else None
    matcher = Matcher(Given(vector=6, sketch=4), Reader("sketch"), context, DIM).double()
    (_, labels, _), generator = draw(), torch.Generator().manual_seed(0)
    vectors = torch.randn(N_SUPPORT, 10, generator=generator, dtype=torch.float64)
    matcher.centre(vectors)
    assert matcher.projection(vectors[:, :6]).mean(0).abs().max() < 1e-12
    known, asked = matcher(vectors, labels, vectors[:2])
    assert known.shape == (N_SUPPORT, DIM + 4)
    assert torch.equal(known[:, DIM:], vectors[:, 6:])
    assert torch.equal(asked[:, DIM:], vectors[:2, 6:])
    views, _ = matcher(vectors, labels, vectors[:2], random_view()[:2])
    assert torch.equal(views[..., DIM:].expand(2, -1, -1), vectors[:, 6:].expand(2, -1, -1))
    # A head that reads no sketch gets none.
    plain = Matcher(Given(vector=6, sketch=4), MatchingHead(), context, DIM).double()
    plain.load_state_dict(matcher.state_dict(), strict=False)
    expected = plain.head(known[:, :DIM], labels, asked[:, :DIM])
    torch.testing.assert_close(plain(vectors, labels, vectors[:2]), expected)


def test_a_head_gets_what_it_reads_of_what_stands_beside() -> None:
    given = Given(vector=6, sketch=4, profile=3, properties=2)
    (_, labels, _), vectors = draw(), torch.randn(N_SUPPORT, 15, dtype=torch.float64)
    for reads, columns in (
        (["sketch"], [slice(6, 10)]),
        (["profile"], [slice(10, 13)]),
        (["properties"], [slice(13, 15)]),
        (["properties", "sketch"], [slice(6, 10), slice(13, 15)]),
    ):
        for context in (None, make()):
            matcher = Matcher(given, Reader(*reads), context, DIM).double()
            known, asked = matcher(vectors, labels, vectors[:2])
            expected = torch.cat([vectors[:, one] for one in columns], -1)
            assert torch.equal(known[:, DIM:], expected)
            assert torch.equal(asked[:, DIM:], expected[:2])


def wide_head() -> Head:
    head = MatchingHead()
    head.dim = 128
    return head


@pytest.mark.parametrize(
    ("head", "context", "reason"),
    [
        (wide_head, None, r"head\.dim: 128.*Set head\.dim to 8"),
        (MatchingHead, lambda: Context(blocks=1), r"context\.dim: 128.*Set context\.dim to 8"),
        (lambda: Reader("sketch"), None, r"columns sketch; got vectors of vector"),
        (lambda: Reader("a", "vector", "b"), None, r"columns a, b; got"),
        (
            lambda: kernel(dim=8, sketch=3),
            None,
            "columns sketch; got",
        ),
        (
            lambda: MatchingHead(attention=Softmax(continuous=True)),
            lambda: Context(dim=8, blocks=1),
            "context; got a head of continuous labels",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(head, context, reason) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=reason):
        Matcher(Given(vector=10), head(), context and context(), 8)


def test_a_head_that_was_made_for_other_widths_is_refused() -> None:
    made = r"columns of a head; got .*sketch=4.*expected .*sketch=3"
    with pytest.raises(InputError, match=made):
        Matcher(Given(vector=6, sketch=4), kernel(dim=8, sketch=3), None, 8)
