"""Metrics of ranked and probabilistic scores, on the raw scores, never on thresholded ones.

Molecules with equal scores are one group: no metric depends on the order in which they stand.
A metric that its labels do not define (one class only, no spread) is NaN.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


def auprc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute average precision, Σ (Rₙ - Rₙ₋₁) Pₙ over the distinct scores, highest first.

    >>> auprc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    0.8333333333333333

    Args:
        labels: Shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.

    Returns:
        A value in (0, 1]; NaN if the labels are of one class.
    """
    actives, chosen = _cumulative(labels, scores)
    if _one_class(actives, chosen):
        return float("nan")
    gained = np.diff(actives, prepend=0.0) / actives[-1]
    return float(np.sum(gained * (actives / chosen)))


def delta_auprc(labels: ArrayLike, scores: ArrayLike, prevalence: float | None = None) -> float:
    """Compute ΔAUPRC: average precision minus that of a constant score.

    >>> delta_auprc([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5])
    0.0
    >>> delta_auprc([1, 0, 1, 0], [0.9, 0.2, 0.7, 0.1])
    0.5

    Args:
        labels: Of the query set, shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.
        prevalence: Fraction of actives to subtract. By default the query set's own, so that a
            constant scores exactly 0 (the convention of FS-Mol's tables); FS-Mol's plots
            subtract the support set's instead.

    Returns:
        A value in (-1, 1); NaN if the labels are of one class.
    """
    labels = _floats(labels)
    base = float(labels.sum() / len(labels)) if prevalence is None and len(labels) else prevalence
    return auprc(labels, scores) - (np.nan if base is None else base)


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Compute the area under the ROC curve: how often an active outranks an inactive, ties half.

    >>> roc_auc([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    0.75

    Args:
        labels: Shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.
    """
    actives, chosen = _cumulative(labels, scores)
    if _one_class(actives, chosen):
        return float("nan")
    inactives = chosen - actives
    below = np.diff(actives, prepend=0.0) / 2 + np.concatenate([[0.0], actives[:-1]])
    return float(np.sum(np.diff(inactives, prepend=0.0) * below) / (actives[-1] * inactives[-1]))


def hit_rate(labels: ArrayLike, scores: ArrayLike, k: int) -> float:
    """Compute the fraction of actives among the k best; a tie at the cut counts its expectation.

    >>> hit_rate([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5

    Args:
        labels: Shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.
        k: Molecules chosen; NaN where there are fewer than that.
    """
    actives, chosen = _cumulative(labels, scores)
    if not len(chosen) or chosen[-1] < k:
        return float("nan")
    return _actives_among(actives, chosen, k) / k


def enrichment_factor(labels: ArrayLike, scores: ArrayLike, fraction: float) -> float:
    """Compute how many times more actives the best `fraction` holds than as many drawn at random.

    The number of molecules chosen is n · fraction rounded up, as in RDKit's `CalcEnrichment`.

    >>> enrichment_factor([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.1], fraction=0.25)
    4.0

    Args:
        labels: Shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.
        fraction: In (0, 1].
    """
    actives, chosen = _cumulative(labels, scores)
    if _one_class(actives, chosen):
        return float("nan")
    n_chosen = int(np.ceil(chosen[-1] * fraction))
    return _actives_among(actives, chosen, n_chosen) / n_chosen / float(actives[-1] / chosen[-1])


def bedroc(labels: ArrayLike, scores: ArrayLike, alpha: float = 20.0) -> float:
    """Compute the Boltzmann-enhanced discrimination of ROC: 0 worst, 1 best.

    Truchon and Bayly, J. Chem. Inf. Model. 2007, https://doi.org/10.1021/ci600426e, eq. 36.

    >>> bedroc([1, 0, 0, 0], [0.9, 0.8, 0.7, 0.1])
    1.0

    Args:
        labels: Shape (n,), 1 active, 0 inactive.
        scores: Shape (n,), higher means more active.
        alpha: Weight of the early ranks; 20 gives the best 8 % of the list 80 % of the score.
    """
    actives, chosen = _cumulative(labels, scores)
    if _one_class(actives, chosen):
        return float("nan")
    n, n_active = chosen[-1], actives[-1]
    weight = np.exp(-alpha * np.arange(1, n + 1) / n)
    # Within a tie every molecule gets the mean weight of the ranks that the tie spans.
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    sizes = np.diff(chosen, prepend=0.0)
    mean_weight = np.diff(cumulative[np.concatenate([[0], chosen.astype(int)])]) / sizes
    total = float(np.sum(np.diff(actives, prepend=0.0) * mean_weight))
    best, worst = float(weight[: int(n_active)].sum()), float(weight[-int(n_active) :].sum())
    return (total - worst) / (best - worst)


def brier(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Compute the mean squared difference between probability and label; lower is better.

    >>> brier([1, 0], [0.75, 0.25])
    0.0625
    """
    return _mean((_floats(probabilities) - _floats(labels)) ** 2)


def calibration_bins(labels: ArrayLike, probabilities: ArrayLike, n_bins: int = 10) -> Floats:
    """Count and sum probabilities and labels in equal-width bins of the probability.

    The three are sums, so that the bins of many draws can be added.

    >>> calibration_bins([1, 0, 1], [0.9, 0.2, 0.6], n_bins=2).tolist()
    [[1.0, 2.0], [0.2, 1.5], [0.0, 2.0]]

    Returns:
        Shape (3, n_bins).
    """
    labels, probabilities = _floats(labels), _floats(probabilities)
    place = np.clip((probabilities * n_bins).astype(int), 0, n_bins - 1)
    return np.stack(
        [
            np.bincount(place, weights=weights, minlength=n_bins)
            for weights in (np.ones_like(labels), probabilities, labels)
        ]
    )


def calibration_error(labels: ArrayLike, probabilities: ArrayLike, n_bins: int = 10) -> float:
    """Compute the expected calibration error: the bins' mean gap of probability and frequency.

    Guo et al., ICML 2017, arXiv:1706.04599, eq. 3.

    >>> calibration_error([1, 1, 0, 0], [0.75, 0.75, 0.25, 0.25])
    0.25
    """
    count, probability, active = calibration_bins(labels, probabilities, n_bins)
    return float(np.abs(probability - active).sum() / count.sum()) if count.sum() else float("nan")


def r2_out_of_sample(values: ArrayLike, predicted: ArrayLike, support_mean: float) -> float:
    """Compute R²_os = 1 - Σ(y - ŷ)² / Σ(y - ȳ_support)²: 0 for the support set's mean.

    >>> r2_out_of_sample([5.0, 7.0], [5.5, 6.5], support_mean=6.0)
    0.75

    Args:
        values: Measured, shape (n,).
        predicted: Shape (n,), in the same unit.
        support_mean: Mean value of the support set.
    """
    values = _floats(values)
    spread = float(np.sum((values - support_mean) ** 2))
    error = float(np.sum((values - _floats(predicted)) ** 2))
    return 1.0 - error / spread if spread > 0 else float("nan")


def rmse(values: ArrayLike, predicted: ArrayLike) -> float:
    """Compute the root mean squared error, in the unit of the values.

    >>> rmse([5.0, 7.0], [5.5, 6.5])
    0.5
    """
    return float(np.sqrt(_mean((_floats(values) - _floats(predicted)) ** 2)))


def coverage(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> float:
    """Compute the share of values that lie in their intervals; NaN where none has one.

    >>> coverage([5.0, 7.0, 6.0], [4.0, 4.0, float("nan")], [6.0, 6.0, float("nan")])
    0.5

    Args:
        values: Measured, shape (n,).
        low: Lower ends, shape (n,), NaN where there is no interval.
        high: Upper ends, shape (n,).
    """
    known = ~np.isnan(_floats(low))
    values, low, high = (_floats(ends)[known] for ends in (values, low, high))
    return _mean(((low <= values) & (values <= high)).astype(np.float64))


def width(low: ArrayLike, high: ArrayLike) -> float:
    """Compute the mean width of intervals, in the unit of the values; NaN where there is none.

    >>> width([4.0, 5.0], [6.0, 8.0])
    2.5
    """
    widths = _floats(high) - _floats(low)
    return _mean(widths[~np.isnan(widths)])


def negative_log_likelihood(
    values: ArrayLike, location: ArrayLike, scale: ArrayLike, freedom: ArrayLike
) -> float:
    """Compute the mean of -ln p(y), p the density of Student's t; NaN where there is no scale.

    >>> round(negative_log_likelihood([5.0], [5.0], [1.0], [float("inf")]), 3)  # ln(2π) / 2
    0.919

    Args:
        values: Measured, shape (n,).
        location: Predicted, shape (n,).
        scale: In the unit of the values, shape (n,); NaN where only the location is predicted.
        freedom: Degrees of freedom, shape (n,); infinite for a normal distribution.
    """
    found = -stats.t.logpdf(_floats(values), freedom, _floats(location), _floats(scale))
    return _mean(found[~np.isnan(found)])


def spearman(values: ArrayLike, predicted: ArrayLike) -> float:
    """Compute Spearman's rank correlation, ties at their mean rank; NaN for a constant.

    >>> spearman([5.0, 6.0, 7.0], [1.0, 3.0, 2.0])
    0.5
    """
    ranks = [stats.rankdata(_floats(x)) for x in (values, predicted)]
    centred = [rank - rank.mean() if len(rank) else rank for rank in ranks]
    scale = float(np.sqrt(np.prod([np.sum(c**2) for c in centred])))
    return float(np.dot(*centred) / scale) if scale > 0 else float("nan")


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _cumulative(labels: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Count actives and molecules at or above each distinct score, highest first.

    Raises:
        ValueError: If a score is NaN, or labels and scores differ in number.
    """
    labels, scores = _floats(labels), _floats(scores)
    if labels.shape != scores.shape:
        raise ValueError(f"{labels.shape} labels, but {scores.shape} scores")
    if np.isnan(scores).any():
        raise ValueError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN")
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True)[: len(scores)])
    return np.cumsum(labels[order])[ends], (ends + 1).astype(np.float64)


def _one_class(actives: Floats, chosen: Floats) -> bool:
    return not len(actives) or actives[-1] == 0 or actives[-1] == chosen[-1]


def _actives_among(actives: Floats, chosen: Floats, k: int) -> float:
    """Compute the expected actives among the k best: linear within a tie."""
    return float(np.interp(k, np.append(0.0, chosen), np.append(0.0, actives)))
