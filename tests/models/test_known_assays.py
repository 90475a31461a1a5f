"""Known assays against their formula, written out assay by assay."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from molmeta.errors import InputError
from molmeta.models import Encoder, KnownAssays, MatchingHead
from molmeta.models.attention import Softmax
from molmeta.models.heads.matching import kernel
from molmeta.models.matcher import Matcher

DIM, N_ASSAYS, N_MOLECULES = 6, 9, 40
BETA, GAMMA, DELTA = 7.0, 0.6, 0.8


class Given(Encoder):
    """Its vectors are what it is given."""

    dim = DIM

    def forward(self, batch: Tensor) -> Tensor:
        return batch


def remembered() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What `remember` is told: vectors, and labels' molecules and assays, and readouts."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(N_MOLECULES, DIM, generator=generator, dtype=torch.float64) + 0.5
    molecules = torch.arange(N_MOLECULES).repeat(2)
    assays = torch.cat([torch.arange(N_MOLECULES), torch.arange(N_MOLECULES) // 3]) % N_ASSAYS
    readout = torch.randn(N_ASSAYS, DIM + 1, generator=generator, dtype=torch.float64)
    return vectors, molecules, assays, readout


def make(rank: int = DIM) -> KnownAssays:
    """With nothing left out, unless a lower rank is asked for."""
    known = KnownAssays(DIM, rank=rank, sharpness=BETA, trust=GAMMA, weight=DELTA).double()
    known.remember(*remembered())
    return known


def draw(n: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    support, query = (torch.randn(m, DIM, generator=generator, dtype=torch.float64) for m in (n, 5))
    return support, (torch.arange(n) % 3 == 0).double(), query


def score(known: KnownAssays, support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
    return known(known.describe(support), labels, known.describe(query))


def expected(support: Tensor, labels: Tensor, query: Tensor) -> Tensor:
    vectors, molecules, assays, readout = remembered()
    centre = vectors.mean(0)

    def place(own: Tensor) -> Tensor:
        return functional.normalize(functional.normalize(own - centre, dim=-1).mean(0), dim=0)

    few = 32 / (32 + len(labels))
    logits, opinions = [], []
    for t in range(N_ASSAYS):
        likeness = place(support) @ place(vectors[molecules[assays == t]])
        log_odds = support @ readout[t, :-1] + readout[t, -1]
        fit = torch.distributions.Bernoulli(logits=log_odds).log_prob(labels).sum()
        logits.append(BETA * likeness + GAMMA * few * fit)
        opinions.append(query @ readout[t, :-1] + readout[t, -1])
    shares = torch.stack(logits).softmax(0)
    return DELTA * few * (shares.unsqueeze(1) * torch.stack(opinions)).sum(0)


@pytest.mark.parametrize("n", [1, 8, 100])
def test_score_is_the_formula(n: int) -> None:
    torch.testing.assert_close(score(make(), *draw(n)), expected(*draw(n)))


@pytest.mark.parametrize("n", [2, 8, 100])
def test_unknown_molecules_that_are_no_series_let_them_speak_less(n: int) -> None:
    """By .1 + .9 (1 − (1 − r⁴)(1 − h²)), with h from the mean cosine of two of them."""
    known, (support, labels, query) = make(), draw(n)
    recalled = (torch.arange(n) % 4 == 0).double().unsqueeze(-1)
    found = known(known.describe(support, recalled), labels, known.describe(query))
    each = functional.normalize(support - remembered()[0].mean(0), dim=-1)
    cosines = (each @ each.mT)[~torch.eye(n, dtype=torch.bool)]
    h = float((cosines.mean() / 0.4).clamp(0, 1))
    gate = 0.1 + 0.9 * (1 - (1 - float(recalled.mean()) ** 4) * (1 - h**2))
    torch.testing.assert_close(found, gate * expected(support, labels, query))
    alike = support[:1].expand(n, -1)
    series = known(known.describe(alike, recalled), labels, known.describe(query))
    torch.testing.assert_close(series, expected(alike, labels, query))


def test_a_lower_rank_keeps_what_varies_most() -> None:
    """Readouts of two dimensions around their mean are kept whole in two."""
    vectors, molecules, assays, readout = remembered()
    plane = torch.cat([readout[:, :2], readout[:, 2:-1].mean(0).expand(N_ASSAYS, -1)], 1)
    known = KnownAssays(DIM, rank=2).double()
    known.remember(vectors, molecules, assays, torch.cat([plane, readout[:, -1:]], 1))
    rebuilt = known.readouts @ known.axes + known.mean_readout
    torch.testing.assert_close(rebuilt, plane)


def test_more_dimensions_than_there_are_change_nothing() -> None:
    torch.testing.assert_close(score(make(DIM + 3), *draw()), score(make(), *draw()))


def test_what_is_not_visible_has_no_part() -> None:
    known, (support, labels, query) = make(), draw()
    visible = torch.rand(5, 8, generator=torch.Generator().manual_seed(1)) < 0.6
    visible[0] = False
    together = known(known.describe(support), labels, known.describe(query), visible)
    for one, (row, q) in enumerate(zip(visible, query, strict=True)):
        alone = score(known, support[row], labels[row], q.unsqueeze(0))
        torch.testing.assert_close(together[one : one + 1], alone)


def test_order_of_the_support_set_does_not_matter() -> None:
    support, labels, query = draw()
    order = torch.randperm(8, generator=torch.Generator().manual_seed(2))
    mixed = score(make(), support[order], labels[order], query)
    torch.testing.assert_close(mixed, score(make(), support, labels, query))


def test_the_more_labels_the_less_is_known_assays_opinion() -> None:
    support, labels, query = draw(4)
    sizes = [score(make(), support.repeat(k, 1), labels.repeat(k), query) for k in (1, 1000)]
    assert sizes[1].abs().max() < 0.05 * sizes[0].abs().max()


def test_as_many_assays_as_were_saved_are_loaded() -> None:
    known, other = make(4), KnownAssays(DIM, rank=4).double()
    assert len(other) == 0
    other.load_state_dict(known.state_dict())
    assert len(other) == N_ASSAYS
    assert torch.equal(score(other, *draw()), score(known, *draw()))


def test_its_opinion_is_added_to_the_heads() -> None:
    head, known, (support, labels, query) = kernel(dim=4), make(3), draw()
    matcher = Matcher(Given(), head, None, 4, known).double()
    bare = Matcher(Given(), head, None, 4).double()
    bare.projection = matcher.projection
    difference = matcher(support, labels, query) - bare(support, labels, query)
    torch.testing.assert_close(difference, score(known, support, labels, query))
    prepared = matcher.prepare(query)
    scores = matcher.score(matcher.fit(matcher.prepare(support), labels), prepared)
    torch.testing.assert_close(scores, matcher(support, labels, query))
    assert matcher.prepared_dim == prepared.shape[1] == bare.prepared_dim + known.width


def test_a_head_of_continuous_labels_is_refused() -> None:
    with pytest.raises(InputError, match="known_assays"):
        Matcher(Given(), MatchingHead(attention=Softmax(continuous=True)), None, 4, make())


def test_initial_strengths_are_the_learned_parameters() -> None:
    learned = [p.item() for p in make().parameters()]
    assert learned == pytest.approx([math.log(x) for x in (BETA, GAMMA, DELTA)])
