"""The context: what reaches a vector, what must not, and derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradgradcheck

from molmeta.errors import InputError
from molmeta.models import Context, MatchingHead
from molmeta.models.above import Above

DIM, N_SUPPORT, N_QUERY = 6, 9, 4


def make(*, trained: bool = True, blocks: int = 2, memory: int = 0) -> Context:
    """In double precision; `trained`: what it adds to the vectors no longer is zero."""
    torch.manual_seed(0)
    settings = {"width": 8, "blocks": blocks, "heads": 2, "memory": memory}
    context = Context(dim=DIM, dropout=0.0, **settings).double()
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


MEMORY = torch.randn(5, DIM, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def test_all_molecules_see_the_memory_whose_order_does_not_matter() -> None:
    context, inputs = make(memory=5), draw()
    known, asked = context(*inputs, None, MEMORY)
    for other in (None, MEMORY + 1):
        known_of_other, asked_of_other = context(*inputs, None, other)
        assert not torch.isclose(known_of_other, known).all(-1).any()
        assert not torch.isclose(asked_of_other, asked).all(-1).any()
    shuffled = context(*inputs, None, MEMORY.flip(0))
    torch.testing.assert_close(shuffled, (known, asked))
    untrained = make(trained=False, memory=5)(*inputs, None, MEMORY)
    assert torch.equal(untrained[0], inputs[0])
    assert torch.equal(untrained[1], inputs[2])


def test_with_a_memory_what_is_hidden_stays_hidden() -> None:
    context, (support, labels, query) = make(memory=5), draw()
    visible = random_view()
    views, asked = context(support, labels, query, visible, MEMORY)
    for i, seen in enumerate(visible):
        known, alone = context(support[seen], labels[seen], query[i : i + 1], None, MEMORY)
        torch.testing.assert_close(views[i, seen], known)
        torch.testing.assert_close(asked[i], alone[0])
        scrambled = torch.where(seen, labels, 1 - labels)
        assert torch.equal(context(support, scrambled, query, visible, MEMORY)[1][i], asked[i])


def test_the_memory_learns_and_can_be_differentiated_twice() -> None:
    context, (support, labels, query) = make(blocks=1, memory=5), draw()
    views, asked = context(support, labels, query, None, MEMORY)
    (views.sin().sum() + asked.sin().sum()).backward()
    for name, parameter in context.named_parameters():
        assert parameter.grad is not None, name
        # A key that is the same for all is no preference: soft-max does not see it.
        assert parameter.grad.abs().sum() > 0, name
    inputs = (support[:3].requires_grad_(True), query[:2].requires_grad_(True))
    assert gradgradcheck(lambda s, q: context(s, labels[:3], q, None, MEMORY), inputs)


def test_what_is_remembered_is_the_encoders_in_the_state_and_projected() -> None:
    above = Above(encoder(10, sketch=4), MatchingHead(), make(memory=5), DIM).double()
    vectors = torch.randn(7, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    above.remember(vectors)
    assert torch.equal(above.state_dict()["memory"], vectors[:5, :6])
    known, asked = (above.projection(x[:, :6]) for x in (vectors, vectors[:2]))
    labels = (torch.arange(7) % 2).double()
    expected = above.context(known, labels, asked, None, above.projection(vectors[:5, :6]))
    torch.testing.assert_close(
        above(vectors, labels, vectors[:2]), above.head(expected[0], labels, expected[1])
    )
    with pytest.raises(InputError, match=r"context\.memory: 5; got 3 training molecules"):
        above.remember(vectors[:3])


def test_heads_that_do_not_divide_the_width_are_refused() -> None:
    with pytest.raises(InputError, match=r"context\.heads: 3; got context\.width: 8"):
        Context(width=8, heads=3)


def encoder(dim: int, **beside: int) -> nn.Module:
    part = nn.Identity()
    for name, width in {"dim": dim, **beside}.items():
        setattr(part, name, width)
    return part


class SketchHead(nn.Module):
    """Reads a sketch of four; returns what it was given."""

    sketch = 4

    def forward(
        self, support: Tensor, labels: Tensor, query: Tensor, visible: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        return support, query


@pytest.mark.parametrize("in_context", [False, True])
def test_a_sketch_passes_by_projection_and_context(in_context: bool) -> None:
    context = make() if in_context else None
    above = Above(encoder(10, sketch=4), SketchHead(), context, DIM).double()
    (_, labels, _), generator = draw(), torch.Generator().manual_seed(0)
    vectors = torch.randn(N_SUPPORT, 10, generator=generator, dtype=torch.float64)
    above.centre(vectors)
    assert above.projection(vectors[:, :6]).mean(0).abs().max() < 1e-12
    known, asked = above(vectors, labels, vectors[:2])
    assert known.shape == (N_SUPPORT, DIM + 4)
    assert torch.equal(known[:, DIM:], vectors[:, 6:])
    assert torch.equal(asked[:, DIM:], vectors[:2, 6:])
    views, _ = above(vectors, labels, vectors[:2], random_view()[:2])
    assert torch.equal(views[..., DIM:].expand(2, -1, -1), vectors[:, 6:].expand(2, -1, -1))
    # A head that reads no sketch gets none.
    plain = Above(encoder(10, sketch=4), MatchingHead(), context, DIM).double()
    plain.load_state_dict(above.state_dict(), strict=False)
    expected = plain.head(known[:, :DIM], labels, asked[:, :DIM])
    torch.testing.assert_close(plain(vectors, labels, vectors[:2]), expected)


class ProfileHead(SketchHead):
    """Reads a profile of three; returns what it was given."""

    sketch, profile = 0, 3


class PropertiesHead(SketchHead):
    """Reads properties of two; returns what it was given."""

    sketch, properties = 0, 2


def test_a_head_gets_what_it_reads_of_what_stands_beside() -> None:
    given = encoder(15, sketch=4, profile=3, properties=2)
    (_, labels, _), vectors = draw(), torch.randn(N_SUPPORT, 15, dtype=torch.float64)
    for head, columns in (
        (SketchHead(), slice(6, 10)),
        (ProfileHead(), slice(10, 13)),
        (PropertiesHead(), slice(13, 15)),
    ):
        above = Above(given, head, None, DIM).double()
        known, _ = above(vectors, labels, vectors[:2])
        assert torch.equal(known[:, DIM:], vectors[:, columns])


def wide_head() -> nn.Module:
    head = MatchingHead()
    head.dim = 128  # type: ignore[assignment]
    return head


@pytest.mark.parametrize(
    ("head", "context", "reason"),
    [
        (wide_head, None, r"head\.dim: 128.*Set head\.dim to 8"),
        (MatchingHead, lambda: Context(blocks=1), r"context\.dim: 128.*Set context\.dim to 8"),
        (SketchHead, None, r"head\.sketch: 4; got encoder\.sketch: 0"),
        (ProfileHead, None, r"head\.profile: 3; got encoder\.profile: 0"),
        (PropertiesHead, None, r"head\.properties: 2; got encoder\.properties: 0"),
        (
            lambda: MatchingHead(continuous=True),
            lambda: Context(dim=8, blocks=1),
            "context; got a head of continuous labels",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(head, context, reason) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=reason):
        Above(encoder(10), head(), context and context(), 8)
