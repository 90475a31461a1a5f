"""The metrics of one draw, and the score of a molecule that no method can read."""

import numpy as np
from scipy import stats

from molmeta import metrics
from molmeta.evaluation.protocol import COVERAGE, Floats, Scale, Task

METRICS: dict[Task, tuple[str, ...]] = {
    "classification": (
        "delta_auprc",
        "auprc",
        "roc_auc",
        "delta_auprc_support",
        "enrichment_1",
        "enrichment_5",
        "bedroc",
        "hit_rate_10",
        "brier",
        "calibration_error",
    ),
    "regression": ("r2_os", "rmse", "spearman", "coverage", "width", "nll"),
}
"""Columns of `results.csv` by task; the first is the one that methods are compared by."""


def measure(
    labels: Floats, scores: Floats, scale: Scale, support: Floats, spread: Floats | None = None
) -> dict[str, float]:
    """Compute every metric of one draw.

    Args:
        labels: Of the query set, shape (q,): classes, or values where the scale is `value`.
        scores: Shape (q,).
        scale: The kind of the scores; calibration is measured only for probabilities.
        support: Labels of the support set, shape (s,).
        spread: Scales and degrees of freedom of values, (q, 2), NaN where there are none.
    """
    if scale == "value":
        scale_of, freedom = np.full((2, len(labels)), np.nan) if spread is None else spread.T
        half = stats.t.ppf((1 + COVERAGE) / 2, freedom) * scale_of
        return {
            "r2_os": metrics.r2_out_of_sample(labels, scores, float(support.mean())),
            "rmse": metrics.rmse(labels, scores),
            "spearman": metrics.spearman(labels, scores),
            "coverage": metrics.coverage(labels, scores - half, scores + half),
            "width": metrics.width(scores - half, scores + half),
            "nll": metrics.negative_log_likelihood(labels, scores, scale_of, freedom),
        }
    probabilities = as_probabilities(scores, scale)
    return {
        "delta_auprc": metrics.delta_auprc(labels, scores),
        "auprc": metrics.auprc(labels, scores),
        "roc_auc": metrics.roc_auc(labels, scores),
        "delta_auprc_support": metrics.delta_auprc(labels, scores, float(support.mean())),
        "enrichment_1": metrics.enrichment_factor(labels, scores, 0.01),
        "enrichment_5": metrics.enrichment_factor(labels, scores, 0.05),
        "bedroc": metrics.bedroc(labels, scores),
        "hit_rate_10": metrics.hit_rate(labels, scores, 10),
        "brier": np.nan if probabilities is None else metrics.brier(labels, probabilities),
        "calibration_error": np.nan
        if probabilities is None
        else metrics.calibration_error(labels, probabilities),
    }


def as_probabilities(scores: Floats, scale: Scale) -> Floats | None:
    """Compute probabilities of being active, shape (q,); None if the scores only rank."""
    if scale == "log_odds":
        # exp of the negative magnitude cannot overflow.
        tail: Floats = np.exp(-np.abs(scores))
        probabilities: Floats = np.where(scores >= 0, 1.0, tail) / (1 + tail)
        return probabilities
    return scores if scale == "probability" else None


def neutral_score(scores: Floats, scale: Scale, support: Floats) -> float:
    """Compute the score of a query that does not parse, from the support set alone.

    That is the prevalence of actives, or the mean value. Where scores only rank, it is the
    quantile of the other scores above which that fraction of them lies.

    Args:
        scores: Of the queries that parse, shape (q,).
        scale: The kind of the scores.
        support: Labels of the support set, shape (s,).
    """
    mean = float(support.mean())
    if scale == "log_odds":
        return float(np.log(mean / (1 - mean)))
    if scale == "ranking":
        return float(np.quantile(scores, 1 - mean)) if len(scores) else 0.0
    return mean
