"""The Gaussian process of the baselines: its noise is chosen by marginal likelihood."""

import numpy as np
from numpy.typing import NDArray

from molmeta.models.gaussian_process import GaussianProcess

Floats = NDArray[np.float64]

# Candidate ratios of noise variance to signal variance.
NOISE = np.geomspace(0.01, 10, 13)


def predict_normal(kernel: Floats, values: Floats, cross: Floats, own: Floats) -> Floats:
    """Predict at the likeliest ratio of noise; see `GaussianProcess`.

    >>> values, far = np.array([5.0, 7.0]), np.array([[0.0, 0.0]])
    >>> predict_normal(np.eye(2), values, far, np.ones(1)).round(3).tolist()
    [[6.0, 1.0, inf]]

    Args:
        kernel: K between the known points, shape (n, n).
        values: Of the known points, shape (n,).
        cross: The kernel between new and known points, shape (m, n).
        own: The kernel of each new point with itself, shape (m,).

    Returns:
        Mean, standard deviation (NaN where all values are equal) and, infinite as those of a
        normal distribution, degrees of freedom, shape (m, 3).
    """
    process = GaussianProcess.fit(kernel, values, NOISE)
    best = process.log_likelihood.argmax()
    means, variances = process.means(cross)[:, best], process.variances(cross, own)[:, best]
    spread = np.sqrt(variances) if np.ptp(values) else np.full_like(means, np.nan)
    return np.column_stack([means, spread, np.full_like(means, np.inf)])
