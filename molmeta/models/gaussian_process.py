"""Gaussian-process regression in closed form, for one covariance and several levels of noise.

Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapters 2 and 5.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE = np.geomspace(0.01, 10, 13)
"""Ratios of noise to signal variance, of which `predict_normal` takes the likeliest."""


@dataclass(frozen=True)
class GaussianProcess:
    """Posteriors of n known values under y ~ N(mean, a² (K + λI)), one for each of m ratios λ.

    One eigendecomposition K = U diag(e) Uᵀ serves every λ. The signal variance a² that makes the
    likelihood greatest has a closed form for each; the prior mean is that of the values.

    >>> process = GaussianProcess.fit(np.eye(2), np.array([5.0, 7.0]), np.array([1.0]))
    >>> process.means(np.array([[1.0, 0.0], [0.0, 0.0]]))[:, 0].tolist()
    [5.5, 6.0]

    Attributes:
        mean: Of the values.
        vectors: U, (n, n).
        projected: Uᵀ (y − mean), (n,).
        noise: λ, (m,).
        spectra: e + λ, (m, n).
        signal: a², (m,).
        log_likelihood: Of the values at that a², up to a constant, (m,).
    """

    mean: float
    vectors: Floats
    projected: Floats
    noise: Floats
    spectra: Floats
    signal: Floats
    log_likelihood: Floats

    @classmethod
    def fit(cls, kernel: Floats, values: Floats, noise: Floats) -> Self:
        """Fit to the values, (n,), of points with the kernel K, (n, n), at each λ of m."""
        mean = float(values.mean())
        eigenvalues, vectors = np.linalg.eigh(kernel)
        projected = vectors.T @ (values - mean)
        spectra = np.maximum(eigenvalues, 0.0) + noise[:, None]
        signal = np.maximum((projected**2 / spectra).mean(axis=1), np.finfo(np.float64).tiny)
        log_likelihood = -(len(values) * np.log(signal) + np.log(spectra).sum(axis=1)) / 2
        return cls(mean, vectors, projected, noise, spectra, signal, log_likelihood)

    def means(self, cross: Floats) -> Floats:
        """Compute posterior means, (q, m), from the kernel of new and known points, (q, n)."""
        found: Floats = self.mean + cross @ self.vectors @ (self.projected / self.spectra).T
        return found

    def variances(self, cross: Floats, own: Floats) -> Floats:
        """Compute the variances of new values, noise included, (q, m).

        Args:
            cross: The kernel of new and known points, (q, n).
            own: The kernel of each new point with itself, (q,).
        """
        known = (cross @ self.vectors) ** 2 @ (1 / self.spectra).T
        return self.signal * np.maximum(own[:, None] + self.noise - known, 1e-12)

    def left_out(self) -> tuple[Floats, Floats]:
        """Compute each known value's mean and variance given the others, (n, m) both.

        In closed form (Rasmussen and Williams 2006, equation 5.12), at the prior mean of all.
        """
        own = self.vectors**2 @ (1 / self.spectra).T
        residual = self.vectors @ (self.projected / self.spectra).T
        values = self.mean + self.vectors @ self.projected
        return values[:, None] - residual / own, self.signal / own

    def smoother(self, cross: Floats, shares: Floats) -> Floats:
        """Compute the mean of k(x, S) (K + λI)⁻¹ over the λ, with these shares, (q, n)."""
        found: Floats = cross @ self.vectors * (shares @ (1 / self.spectra)) @ self.vectors.T
        return found


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
