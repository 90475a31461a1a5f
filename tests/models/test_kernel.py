"""Ridge attention against scikit-learn, with the kernel written out pair by pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.kernel_ridge import KernelRidge
from torch import Tensor

from molmeta.models import MatchingHead
from molmeta.models.attention import Ridge
from molmeta.models.heads.matching import kernel

DIM, SKETCH, PROFILE, PROPERTIES = 12, 4, 3, 2
SCALE, NOISE, ALPHA, TAU, OFFSET, KAPPA, LENGTH = 3.0, 0.7, 0.6, 1.5, 0.4, 0.8, 1.2
BESIDE = pytest.mark.parametrize(
    "beside",
    [
        (0, 0, 0), (SKETCH, 0, 0), (0, PROFILE, 0), (0, 0, PROPERTIES), (SKETCH, PROFILE, 0),
        (SKETCH, PROFILE, PROPERTIES),
    ],
)  # fmt: skip


def attention(head: MatchingHead) -> Ridge:
    assert isinstance(head.attention, Ridge)
    return head.attention


def weight(head: MatchingHead) -> Tensor:
    found = attention(head).weight
    assert found is not None
    return found


def make(sketch: int = 0, profile: int = 0, properties: int = 0) -> MatchingHead:
    """With a prior that is not zero."""
    torch.manual_seed(0)
    widths: dict[str, Any] = {"sketch": sketch, "profile": profile, "properties": properties}
    strengths: dict[str, Any] = {
        "tanimoto": TAU,
        "offset": OFFSET,
        "recall": KAPPA,
        "length": LENGTH,
    }
    strengths |= {"scale": SCALE, "noise": NOISE, "distant": ALPHA}
    head = kernel(dim=DIM, **widths, **strengths).double()
    torch.nn.init.normal_(weight(head))
    torch.nn.init.normal_(attention(head).bias)
    return head


def draw(n_active: int, n_inactive: int, beside: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n_active + 1000 * n_inactive)
    n = n_active + n_inactive
    support, query = (
        torch.randn(m, DIM + beside, generator=generator, dtype=torch.float64) for m in (n, 9)
    )
    return support, (torch.arange(n) < n_active).double(), query


def similarity(a: NDArray[np.float64], b: NDArray[np.float64], sketch: int, profile: int) -> float:
    """The kernel's formula for one pair."""
    ends = [DIM, DIM + sketch, DIM + sketch + profile]
    (own_a, sketch_a, profile_a, place_a), (own_b, sketch_b, profile_b, place_b) = (
        np.split(x, ends) for x in (a, b)
    )
    cosine = float(own_a @ own_b / np.linalg.norm(own_a) / np.linalg.norm(own_b))
    found = (cosine + OFFSET) / (1 + OFFSET)
    if sketch:
        shared = sketch_a @ sketch_b
        tanimoto = shared / (sketch_a @ sketch_a + sketch_b @ sketch_b - shared)
        found *= 1 + TAU * float(tanimoto)
    squared = np.square(place_a - place_b).sum() / LENGTH**2  # nothing apart without properties
    found *= (1 + float(np.exp(-squared))) / 2
    return found + KAPPA * float(profile_a @ profile_b)


@BESIDE
@pytest.mark.parametrize("sizes", [(1, 1), (5, 11), (0, 4), (4, 0), (60, 8)])
def test_score_is_kernel_ridge_regression(sizes: tuple[int, int], beside: tuple[int, ...]) -> None:
    head, (support, labels, query) = make(*beside), draw(*sizes, sum(beside))
    active, n = (sizes[0] + 0.5) / (sum(sizes) + 1), sum(sizes)
    widths = {"sketch": beside[0], "profile": beside[1]}
    ridge = KernelRidge(alpha=NOISE, kernel=similarity, kernel_params=widths)
    ridge.fit(support.numpy(), labels.numpy() - ALPHA * active)
    rows = support.numpy()
    pairs = np.array([[similarity(a, b, *beside[:2]) for a in rows] for b in rows])
    alike = n * pairs[~np.eye(n, dtype=bool)].mean()
    typical = alike / (np.diag(pairs).mean() + NOISE + (n - 1) / n * alike)
    level = np.log(active / (1 - active)) - SCALE * (1 - ALPHA) * active * typical
    prior = 32 / (32 + n) * query[:, :DIM] @ weight(head) + attention(head).bias + level
    expected = SCALE * torch.from_numpy(ridge.predict(query.numpy())) + prior
    torch.testing.assert_close(head(support, labels, query), expected, rtol=1e-6, atol=1e-7)


def test_what_no_query_has_a_part_in_has_its_gradient() -> None:
    head, (support, labels, _) = make(), draw(2, 3)
    visible = torch.rand(5, 5, generator=torch.Generator().manual_seed(0)) < 0.7

    def score(support: Tensor, *parameters: Tensor) -> Tensor:
        moved = dict(zip(dict(head.named_parameters()), parameters, strict=True))
        arguments = (support, labels, support, visible)
        return torch.func.functional_call(head, moved, arguments)

    inputs = [support.requires_grad_(), *head.parameters()]
    assert torch.autograd.gradcheck(score, inputs)


def test_who_sees_nothing_is_told_one_half_and_the_prior() -> None:
    head, (support, labels, query) = make(), draw(2, 3)
    visible = torch.ones(9, 5, dtype=torch.bool)
    visible[4] = False
    expected = query[4, :DIM] @ weight(head) + attention(head).bias
    torch.testing.assert_close(head(support, labels, query, visible)[4], expected)


def test_score_is_the_mean_of_a_gaussian_process() -> None:
    head, (support, labels, query) = make(), draw(5, 11)
    # A kernel and its noise may be multiplied by the same number: here by 1 + ρ.
    kernel = DotProduct(OFFSET**0.5, sigma_0_bounds="fixed")
    process = GaussianProcessRegressor(kernel, alpha=NOISE * (1 + OFFSET), optimizer=None)
    unit_support, unit_query = (
        torch.nn.functional.normalize(x, dim=-1).numpy() for x in (support, query)
    )
    process.fit(unit_support, labels.numpy() - ALPHA * 5.5 / 17)
    prior = 2 / 3 * query @ weight(head) + attention(head).bias
    evidence = head(support, labels, query) - prior
    constant = evidence.detach().numpy() - SCALE * process.predict(unit_query)
    np.testing.assert_allclose(constant, constant.mean(), rtol=1e-6)


def test_where_all_molecules_are_equally_alike_alpha_has_no_part() -> None:
    corners = torch.eye(13, 14).double() + 1.0  # all of one length, all at one angle
    labels = (torch.arange(12) < 4).double()
    heads = [kernel(dim=14, distant=alpha).double() for alpha in (1.0, 0.3)]
    whole, part = (head(corners[:12], labels, corners[12:]) for head in heads)
    torch.testing.assert_close(whole, part)


@BESIDE
def test_kernel_is_positive_semidefinite(beside: tuple[int, ...]) -> None:
    """So that K + λI has its Cholesky factor for any λ."""
    vectors, _, _ = draw(256, 256, sum(beside))
    vectors[:3, DIM:] = 0.0  # molecules without an environment, and not known
    kernel = make(*beside).similarity.compare(vectors, vectors)
    assert torch.linalg.eigvalsh(kernel).min() > -1e-9 * len(kernel)


@BESIDE
@pytest.mark.parametrize("sizes", [(1, 1), (3, 29), (256, 256)])
def test_single_precision_is_near_double(sizes: tuple[int, int], beside: tuple[int, ...]) -> None:
    head, (support, labels, query) = make(*beside), draw(*sizes, sum(beside))
    exact = head(support, labels, query)
    single = head.float()(support.float(), labels.float(), query.float())
    torch.testing.assert_close(single.double(), exact, rtol=1e-4, atol=1e-4)


def test_folds_of_queries_that_share_a_view_are_solved_as_one_by_one() -> None:
    beside = (SKETCH, PROFILE, PROPERTIES)
    head, (support, labels, _) = make(*beside), draw(30, 50, sum(beside))
    folds = torch.arange(80).sqrt().long()  # of one molecule to sixteen
    visible = folds.unsqueeze(1) != folds
    together = head(support, labels, support, visible)
    for fold in folds.unique():
        rest, own = folds != fold, folds == fold
        torch.testing.assert_close(
            head(support[rest], labels[rest], support[own]), together[own], rtol=1e-9, atol=1e-9
        )


def test_what_is_not_finite_gives_nan_and_no_exception() -> None:
    head, (support, labels, query) = make(), draw(5, 11)
    support[0, 0] = torch.nan
    assert head(support, labels, query).isnan().any()


@pytest.mark.parametrize("sizes", [(5, 11), (1, 3), (40, 40)])
@BESIDE
def test_likelihood_is_that_of_a_gaussian_process_at_its_best_scale(
    sizes: tuple[int, int], beside: tuple[int, ...]
) -> None:
    head, (support, labels, _) = make(*beside), draw(*sizes, sum(beside))
    n, rows = len(labels), support.numpy()
    kernel = np.array([[similarity(a, b, *beside[:2]) for b in rows] for a in rows])
    covariance = kernel + NOISE * np.eye(n)
    residual = labels.numpy() - ALPHA * (sizes[0] + 0.5) / (n + 1)

    def loss(log_scale: float) -> float:
        found = multivariate_normal(np.zeros(n), np.exp(log_scale) * covariance)
        return -float(found.logpdf(residual)) / n

    best = minimize_scalar(loss, bounds=(-8, 4), method="bounded", options={"xatol": 1e-9}).fun
    constant = (1 + np.log(2 * np.pi)) / 2
    assert head.likelihood_loss(support, labels).item() + constant == pytest.approx(best, abs=1e-7)


def test_likelihood_has_its_gradient_and_no_order() -> None:
    head, (support, labels, _) = make(SKETCH, PROFILE, PROPERTIES), draw(7, 9, 9)
    strengths = [*head.similarity.parameters(), attention(head).log_noise]
    gradients = torch.autograd.grad(head.likelihood_loss(support, labels), strengths)
    for parameter, gradient in zip(strengths, gradients, strict=True):
        losses = []
        for step in (1e-5, -2e-5):
            with torch.no_grad():
                parameter.add_(step)
            losses.append(head.likelihood_loss(support, labels).item())
        with torch.no_grad():
            parameter.add_(1e-5)
        assert gradient.item() == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-6, abs=1e-9)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        head.likelihood_loss(support[order], labels[order]), head.likelihood_loss(support, labels)
    )


def test_likelihood_does_not_hang_on_the_scale_of_scores() -> None:
    head, (support, labels, _) = make(), draw(5, 11)
    before = head.likelihood_loss(support, labels)
    with torch.no_grad():
        attention(head).log_scale.add_(1.0)
    assert torch.equal(head.likelihood_loss(support, labels), before)
    (gradient,) = torch.autograd.grad(
        head.likelihood_loss(support, labels), [attention(head).log_scale], allow_unused=True
    )
    assert gradient is None
