"""Metrics against scikit-learn, SciPy and RDKit, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit.ML.Scoring import Scoring
from scipy import stats
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from molmeta import metrics


@st.composite
def ranked(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of both classes and scores with many ties."""
    n = draw(st.integers(2, 40))
    n_active = draw(st.integers(1, n - 1))
    labels = draw(st.permutations([1] * n_active + [0] * (n - n_active)))
    scores = draw(st.lists(st.integers(-3, 6), min_size=n, max_size=n))
    return np.array(labels, dtype=np.float32), np.array(scores) / 3


@given(ranked())
def test_ranking_metrics_equal_scikit_learn_with_ties(data: tuple[np.ndarray, np.ndarray]) -> None:
    labels, scores = data
    precision = average_precision_score(labels, scores)
    assert metrics.auprc(labels, scores) == pytest.approx(precision, abs=1e-12)
    area = roc_auc_score(labels, scores)
    assert metrics.roc_auc(labels, scores) == pytest.approx(area, abs=1e-12)
    assert metrics.delta_auprc(labels, scores) == pytest.approx(precision - labels.mean(), abs=1e-6)


@given(ranked(), st.sampled_from([0.01, 0.05, 0.1, 0.5]))
def test_early_recognition_equals_rdkit_without_ties(
    data: tuple[np.ndarray, np.ndarray], fraction: float
) -> None:
    labels, scores = data
    scores = scores + 1e-6 * np.random.default_rng(0).permutation(len(scores))
    order = np.argsort(-scores)
    rows = list(zip(scores[order], labels[order], strict=True))
    (enriched,) = Scoring.CalcEnrichment(rows, 1, [fraction])
    assert metrics.enrichment_factor(labels, scores, fraction) == pytest.approx(enriched, abs=1e-9)
    assert metrics.bedroc(labels, scores) == pytest.approx(
        Scoring.CalcBEDROC(rows, 1, 20.0), abs=1e-9
    )


@given(ranked(), st.randoms())
def test_no_metric_depends_on_the_order_of_ties(
    data: tuple[np.ndarray, np.ndarray], shuffler: object
) -> None:
    labels, scores = data
    order = list(range(len(labels)))
    shuffler.shuffle(order)  # type: ignore[attr-defined]
    for metric in (
        metrics.auprc,
        metrics.roc_auc,
        metrics.bedroc,
        lambda y, s: metrics.hit_rate(y, s, 2),
        lambda y, s: metrics.enrichment_factor(y, s, 0.1),
    ):
        assert metric(labels, scores) == metric(labels[order], scores[order])


def test_ties_count_their_expectation_in_early_recognition() -> None:
    labels, scores = np.array([1, 0, 0, 0, 1, 1]), np.array([1, 1, 1, 0, 0, 0])
    expected = []
    rng = np.random.default_rng(0)
    for _ in range(4000):
        order = np.lexsort((rng.random(6), -scores))
        rows = list(zip(scores[order], labels[order], strict=True))
        expected.append(Scoring.CalcBEDROC(rows, 1, 20))
    assert metrics.bedroc(labels, scores) == pytest.approx(np.mean(expected), abs=0.02)
    assert metrics.hit_rate(labels, scores, 2) == pytest.approx(1 / 3)
    assert metrics.hit_rate(labels, scores, 4) == pytest.approx((1 + 1 * 2 / 3) / 4)
    assert np.isnan(metrics.hit_rate(labels, scores, 7))


@given(ranked(), st.floats(-1e6, 1e6))
def test_a_constant_scores_exactly_zero(data: tuple[np.ndarray, np.ndarray], value: float) -> None:
    labels = data[0]
    constant = np.full(len(labels), value)
    assert metrics.delta_auprc(labels, constant) == 0.0
    assert metrics.roc_auc(labels, constant) == 0.5
    assert metrics.enrichment_factor(labels, constant, 0.1) == pytest.approx(1.0)


def test_support_fraction_convention_subtracts_what_it_is_given() -> None:
    labels, scores = [1, 0, 1, 0], [4, 3, 2, 1]
    assert metrics.delta_auprc(labels, scores, prevalence=0.25) == pytest.approx(
        metrics.delta_auprc(labels, scores) + 0.25
    )


@pytest.mark.parametrize("labels", [[], [1, 1, 1], [0, 0]])
def test_one_class_is_nan(labels: list[int]) -> None:
    scores = np.arange(len(labels))
    for metric in (metrics.auprc, metrics.delta_auprc, metrics.roc_auc, metrics.bedroc):
        assert np.isnan(metric(labels, scores))
    assert np.isnan(metrics.enrichment_factor(labels, scores, 0.1))


def test_nan_scores_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        metrics.auprc([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match="labels, but"):
        metrics.auprc([0, 1], [0.1])


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=30))
def test_probability_metrics(data: list[tuple[bool, float]]) -> None:
    labels, probabilities = np.array([d[0] for d in data], float), np.array([d[1] for d in data])
    assert metrics.brier(labels, probabilities) == pytest.approx(
        brier_score_loss(labels, probabilities, labels=[0, 1]) if len(set(labels)) else 0
    )
    bins = metrics.calibration_bins(labels, probabilities)
    assert bins.sum(axis=1) == pytest.approx([len(data), probabilities.sum(), labels.sum()])
    assert 0 <= metrics.calibration_error(labels, probabilities) <= 1


def test_calibration_error_by_hand() -> None:
    # Bin 0.2–0.3: mean probability 0.25, frequency 0.5; bin 0.9–1: 1.0 against 1.0.
    assert metrics.calibration_error([1, 0, 1, 1], [0.25, 0.25, 1.0, 1.0]) == pytest.approx(0.125)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_spearman_equals_scipy(data: list[tuple[int, int]]) -> None:
    values, predicted = np.array(data, float).T
    if len(set(values)) == 1 or len(set(predicted)) == 1:
        assert np.isnan(metrics.spearman(values, predicted))
    else:
        assert metrics.spearman(values, predicted) == pytest.approx(
            stats.spearmanr(values, predicted).statistic, abs=1e-12
        )


def test_regression_metrics_by_hand() -> None:
    values = np.array([5.0, 6.0, 7.0])
    assert metrics.r2_out_of_sample(values, values, 6.0) == 1.0
    assert metrics.r2_out_of_sample(values, np.full(3, 5.5), 5.5) == 0.0
    assert np.isnan(metrics.r2_out_of_sample([5.0], [4.0], 5.0))
    assert metrics.rmse(values, values + 2) == pytest.approx(2.0)
