"""Metrics of a draw: which apply to which scale, and the score of what does not parse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from molmeta import metrics
from molmeta.evaluation.measure import METRICS, as_probabilities, measure, neutral_score

LABELS = np.array([1.0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0])
SUPPORT = np.array([1.0, 0, 0, 0])
SCORES = np.linspace(-3, 3, 11)


def test_probabilities_are_judged_only_where_there_are_some() -> None:
    ranking = measure(LABELS, SCORES, "ranking", SUPPORT)
    log_odds = measure(LABELS, SCORES, "log_odds", SUPPORT)
    assert tuple(ranking) == METRICS["classification"]
    assert np.isnan([ranking["brier"], ranking["calibration_error"]]).all()
    assert log_odds["brier"] == pytest.approx(metrics.brier(LABELS, 1 / (1 + np.exp(-SCORES))))
    assert log_odds["delta_auprc"] == ranking["delta_auprc"]
    assert ranking["delta_auprc_support"] == pytest.approx(ranking["auprc"] - 0.25)


def test_regression_has_its_own() -> None:
    values, support = np.array([5.0, 6, 7]), np.array([5.0, 6])
    predicted = np.array([5.0, 6.1, 7])
    spread = np.array([[0.5, 3], [0.05, np.inf], [np.nan, np.nan]])  # the second misses
    found = measure(values, predicted, "value", support, spread)
    student, normal = stats.t(3, 5, 0.5), stats.norm(6.1, 0.05)
    wide = [np.subtract(*one.interval(0.8)[::-1]) for one in (student, normal)]
    assert found["coverage"] == 0.5
    assert found["width"] == pytest.approx(np.mean(wide))
    assert found["nll"] == pytest.approx(-(student.logpdf(5) + normal.logpdf(6)) / 2)
    assert found["rmse"] == pytest.approx(np.sqrt(0.01 / 3))
    assert tuple(found) == METRICS["regression"]
    without = measure(values, values, "value", support)
    assert without["r2_os"] == 1.0
    assert np.isnan([without["coverage"], without["width"], without["nll"]]).all()


def test_log_odds_become_probabilities_without_overflow() -> None:
    found = as_probabilities(np.array([-1e4, -1.0, 0.0, 1.0, 1e4]), "log_odds")
    assert found is not None
    np.testing.assert_allclose(found, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1], atol=1e-15)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [("probability", 0.25), ("log_odds", np.log(1 / 3)), ("ranking", 1.5), ("value", 0.25)],
)
def test_what_does_not_parse_is_scored_as_the_support_set_says(scale: str, expected: float) -> None:
    # A quarter of the other scores lies above the neutral score of a ranking.
    assert neutral_score(SCORES, scale, SUPPORT) == pytest.approx(expected)  # type: ignore[arg-type]
    if scale == "ranking":
        assert neutral_score(SCORES[:0], scale, SUPPORT) == 0.0  # type: ignore[arg-type]
