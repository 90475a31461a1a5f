"""Values of a new assay: a Gaussian process on the similarity of an adapted model."""

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from molmeta.learning.adapted import Adapted
from molmeta.learning.scorer import Scorer
from molmeta.models.gaussian_process import GaussianProcess

Floats = NDArray[np.float64]

NOISE = np.geomspace(0.03, 10, 9)
"""The ratios of noise that are averaged over, in units of the head's own λ."""

_LIKELIEST, _SPREAD = 0.3, 2.0  # of the ratios before any value is seen: log-normal
_FREEDOM, _SCALE = 3.0, 0.66
_FARTHEST = 2.5
SETTINGS = (*NOISE.round(4).tolist(), _LIKELIEST, _SPREAD, _FREEDOM, _SCALE, _FARTHEST)
"""All the numbers that predictions depend on beside the model."""


@dataclass(frozen=True)
class Predicted:
    """The values of q molecules: Student's t of three degrees of freedom around each mean.

    >>> predicted = Predicted(np.array([6.0]), np.array([0.5]))
    >>> predicted.interval(0.8).round(2).tolist(), predicted.above(6.0).tolist()
    ([[5.18, 6.82]], [0.5])

    Attributes:
        mean: Shape (q,).
        scale: Shape (q,).
    """

    mean: Floats
    scale: Floats

    @property
    def std(self) -> Floats:
        """Compute the standard deviations, (q,)."""
        found: Floats = self.scale * np.sqrt(_FREEDOM / (_FREEDOM - 2))
        return found

    def interval(self, coverage: float) -> Floats:
        """Compute the central intervals that hold the share `coverage` of values, (q, 2)."""
        half = stats.t.ppf((1 + coverage) / 2, _FREEDOM) * self.scale
        return np.column_stack([self.mean - half, self.mean + half])

    def as_columns(self) -> Floats:
        """Give the parameters of each distribution: mean, scale, degrees of freedom, (q, 3)."""
        freedom = np.full_like(self.mean, _FREEDOM)
        return np.column_stack([self.mean, self.scale, freedom])

    def above(self, threshold: float) -> Floats:
        """Compute the probability that a value lies above the threshold, (q,)."""
        found: Floats = stats.t.sf((threshold - self.mean) / self.scale, _FREEDOM)
        return found


@dataclass(frozen=True)
class ValuePosterior:
    """Values of others as a support set tells them: ridge attention as a Gaussian process.

    The covariance of two molecules is the head's similarity plus the product of what the known
    assays say of them. The ratio of noise is not chosen but averaged over, each with the weight
    P(ratio) P(values | ratio): sixteen values seldom tell it. P(ratio) is log-normal around .3 of
    the head's λ. What remains is heavier-tailed than normal; the t distribution and its scale were
    fitted on held-out training assays (research/regression.md). A value farther than 2.5 standard
    deviations from the mean counts as one at that distance: else one wrong one decides them all.

    A bound such as that of "> 10 µM" counts as the mean of what lies beyond it, as the others tell:
    one step of expectation and maximization, from the bounds as values.

    A head without a covariance gives its weights alone, Σ a(x, xᵢ) yᵢ, and no scale.

    >>> from molmeta import FewShotRegressor
    >>> from molmeta.learning import Scorer
    >>> known = FewShotRegressor().fit(["CCO", "CCCO", "CCN", "CCCN"], [5.1, 5.4, 6.8, 7.2]).known_
    >>> posterior = ValuePosterior.learn(known.adapted, np.array([5.1, 5.4, 6.8, 7.2]))
    >>> scorer = Scorer(known.model.learner, known.features)
    >>> posterior.attention(scorer, np.array([0, 3])).sum(1).round(6).tolist()
    [1.0, 1.0]

    Attributes:
        adapted: The model adapted to whether a value is above the median; or to the values.
        values: Of the support set, as they count, (s,).
        process: One posterior a ratio, m of them; None without a covariance.
        shares: Of the ratios, (m,); their sum is one.
    """

    adapted: Adapted
    values: Floats
    process: GaussianProcess | None
    shares: Floats

    @classmethod
    def learn(cls, adapted: Adapted, values: Floats, sides: NDArray[np.int8] | None = None) -> Self:
        """Learn from the values of the support set, (s,).

        Args:
            adapted: The model.
            values: Of the support set, (s,).
            sides: Where a value is known to lie: 0 there, 1 above and −1 below it, (s,).
        """
        if not adapted.learner.matcher.has_covariance or np.ptp(values) == 0:
            return cls(adapted, values, None, np.ones(1))
        kernel = adapted.covariance(None).double().cpu().numpy()[:, :-1]
        near = _drawn_near(values)
        process, shares = _fit(kernel, near, adapted.noise)
        if sides is not None and sides.any():
            near = _drawn_near(_beyond(process, shares, values, sides))
            process, shares = _fit(kernel, near, adapted.noise)
        return cls(adapted, near, process, shares)

    def attention(self, scorer: Scorer, rows: NDArray[np.int64]) -> Floats:
        """Compute a(x, xᵢ) of the molecules at `rows`, (q, s); a row sums to one.

        Raises:
            InputError: If the model's head gives no weights.
        """
        if self.process is None:
            return scorer.apply(partial(self.adapted.weights, "attention"), rows).astype(np.float64)
        return self._weigh(self.process, self._covariance(scorer, rows)[0])

    def predict(self, scorer: Scorer, rows: NDArray[np.int64]) -> Predicted:
        """Predict the molecules at `rows` that a scorer of the learner holds, q of them.

        Raises:
            InputError: If the model's head gives no weights.
        """
        if self.process is None:
            return Predicted(self.attention(scorer, rows) @ self.values, np.full(len(rows), np.nan))
        cross, own = self._covariance(scorer, rows)
        mean = self._weigh(self.process, cross) @ self.values
        apart = self.process.means(cross) - mean[:, None]
        spread = self.process.variances(cross, own) + apart**2
        return Predicted(mean, _SCALE * np.sqrt(spread @ self.shares))

    def _covariance(self, scorer: Scorer, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        found = scorer.apply(self.adapted.covariance, rows).astype(np.float64)
        return found[:, :-1], found[:, -1]

    def _weigh(self, process: GaussianProcess, cross: Floats) -> Floats:
        weights = process.smoother(cross, self.shares)
        filled: Floats = weights + (1 - weights.sum(1, keepdims=True)) / weights.shape[1]
        return filled


def _fit(kernel: Floats, values: Floats, noise: float) -> tuple[GaussianProcess, Floats]:
    """Fit at each ratio of noise, and share the belief between them, (m,)."""
    process = GaussianProcess.fit(kernel, values, NOISE * noise)
    evidence = process.log_likelihood - ((np.log(NOISE / _LIKELIEST) / _SPREAD) ** 2) / 2
    shares = np.exp(evidence - evidence.max())
    return process, shares / shares.sum()


def _drawn_near(values: Floats) -> Floats:
    """Draw outlying values to 2.5 standard deviations from the mean."""
    middle, reach = values.mean(), _FARTHEST * values.std()
    near: Floats = np.clip(values, middle - reach, middle + reach)
    return near


def _beyond(
    process: GaussianProcess, shares: Floats, values: Floats, sides: NDArray[np.int8]
) -> Floats:
    """Put each bound at E[v | v beyond it, the others], with v normal."""
    means, variances = process.left_out()
    mean, spread = means @ shares, np.sqrt(variances @ shares)
    start = sides * (values - mean) / spread
    hazard = np.exp(stats.norm.logpdf(start) - stats.norm.logsf(start))
    return np.where(sides == 0, values, mean + sides * spread * hazard)
