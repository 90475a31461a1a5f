"""Gaussian processes in closed form: against scikit-learn, and the laws of their averages."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct

from molmeta.models.gaussian_process import GaussianProcess

RNG = np.random.default_rng(0)
KNOWN, NEW, VALUES = RNG.normal(size=(7, 3)), RNG.normal(size=(4, 3)), RNG.normal(6, 1, 7)


@pytest.mark.parametrize("noise", [0.1, 2.0])
def test_equals_scikit_learn(noise: float) -> None:
    process = GaussianProcess.fit(KNOWN @ KNOWN.T, VALUES, np.array([noise]))
    signal = float(process.signal[0])
    theirs = GaussianProcessRegressor(
        ConstantKernel(signal) * DotProduct(0, "fixed"), alpha=signal * noise, optimizer=None
    ).fit(KNOWN, VALUES - VALUES.mean())
    mean, std = theirs.predict(NEW, return_std=True)
    np.testing.assert_allclose(process.means(NEW @ KNOWN.T)[:, 0], VALUES.mean() + mean)
    variances = process.variances(NEW @ KNOWN.T, np.square(NEW).sum(1))[:, 0]
    np.testing.assert_allclose(variances, std**2 + signal * noise)


def test_the_signal_makes_the_likelihood_greatest() -> None:
    kernel, noise = KNOWN @ KNOWN.T, 0.5
    process = GaussianProcess.fit(kernel, VALUES, np.array([noise]))

    def log_likelihood(signal: float) -> float:
        covariance = signal * (kernel + noise * np.eye(7))
        residual = VALUES - VALUES.mean()
        quadratic = residual @ np.linalg.solve(covariance, residual)
        return float(-(quadratic + np.linalg.slogdet(covariance)[1]) / 2)

    best = float(process.signal[0])
    assert log_likelihood(best) > max(log_likelihood(best * 1.1), log_likelihood(best / 1.1))
    assert process.log_likelihood[0] == pytest.approx(log_likelihood(best) + 7 / 2)


def test_the_smoother_averages_the_means() -> None:
    process = GaussianProcess.fit(KNOWN @ KNOWN.T, VALUES, np.array([0.1, 1.0]))
    cross, shares = NEW @ KNOWN.T, np.array([0.25, 0.75])
    found = VALUES.mean() + process.smoother(cross, shares) @ (VALUES - VALUES.mean())
    np.testing.assert_allclose(found, process.means(cross) @ shares)


def test_a_value_left_out_is_told_by_the_others() -> None:
    kernel, noise = KNOWN @ KNOWN.T, 0.5
    process = GaussianProcess.fit(kernel, VALUES, np.array([noise]))
    covariance = float(process.signal[0]) * (kernel + noise * np.eye(7))
    means, variances = process.left_out()
    for i in range(7):
        rest = np.delete(np.arange(7), i)
        weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, i])
        mean = VALUES.mean() + weights @ (VALUES[rest] - VALUES.mean())
        assert means[i, 0] == pytest.approx(mean)
        assert variances[i, 0] == pytest.approx(covariance[i, i] - weights @ covariance[rest, i])
