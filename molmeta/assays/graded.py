"""Graded labels: active and inactive by how far a value lies from the threshold."""

import numpy as np
from numpy.typing import NDArray

_SHARE, _WIDTH, _FEWEST = 0.5, 0.25, 4


def grade(labels: NDArray[np.float32], values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Grade labels by the values that they come from: y′ = ½ y + ½ σ(± 4 (v − t) / s).

    The threshold t lies midway between the classes, at their nearest values, s is the values'
    standard deviation, and the sign is that of the class whose mean is higher. A label stays on
    its own side of ½. It stays as it is where the value is NaN, and all do where values are few
    (under four), of one class, or constant: a censored value says no more than its label.

    >>> labels, pxc50 = np.float32([1, 1, 0, 0, 0]), np.array([8.0, 6.2, 5.8, 4.0, np.nan])
    >>> print(grade(labels, pxc50).round(2))
    [1.   0.82 0.18 0.   0.  ]

    Args:
        labels: 1 active, 0 inactive, (n,).
        values: Exact measured values, comparable with each other, such as pXC50, not nM; NaN
            where there is none, (n,).
    """
    values = np.asarray(values, np.float64)
    exact = np.isfinite(values)
    active, inactive = values[exact & (labels > 0.5)], values[exact & (labels < 0.5)]
    spread = values[exact].std() if exact.any() else 0.0
    if len(active) + len(inactive) < _FEWEST or not (len(active) and len(inactive) and spread):
        return labels
    sign = 1.0 if active.mean() > inactive.mean() else -1.0
    threshold = ((sign * active).min() + (sign * inactive).max()) / 2
    margin = np.clip((sign * values[exact] - threshold) / (_WIDTH * spread), -50, 50)
    graded = labels.astype(np.float32)
    graded[exact] = (1 - _SHARE) * labels[exact] + _SHARE / (1 + np.exp(-margin))
    return graded
