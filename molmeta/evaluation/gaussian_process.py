"""The Gaussian process of the baselines: its noise is chosen by marginal likelihood."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from molmeta.models.gaussian_process import GaussianProcess

Floats = NDArray[np.float64]

# Candidate ratios of noise variance to signal variance.
NOISE = np.geomspace(0.01, 10, 13)


def predict_mean(kernel: Floats, values: Floats, cross: Floats) -> Floats:
    """Compute the posterior mean at the likeliest ratio of noise, (m,); see `GaussianProcess`.

    >>> predict_mean(np.eye(2), np.array([5.0, 7.0]), np.array([[0.0, 0.0]])).tolist()
    [6.0]

    Args:
        kernel: K between the known points, shape (n, n).
        values: Of the known points, shape (n,).
        cross: The kernel between new and known points, shape (m, n).
    """
    process = GaussianProcess.fit(kernel, values, NOISE)
    best: Floats = process.means(cross)[:, process.log_likelihood.argmax()]
    return best
