"""The linear probe: a linear model on an encoder's vectors, fitted to a support set.

As in Tian et al., "Rethinking few-shot image classification", 2020, arXiv:2003.11539: the encoder
stays as it is, and everything that is fitted or tuned is so on the support set alone.
"""

import numpy as np
from sklearn.model_selection import StratifiedKFold

from molmeta.evaluation.baselines import logistic_probabilities
from molmeta.evaluation.protocol import Floats, Task
from molmeta.models.gaussian_process import predict_normal

# Inverse strengths of the penalty among which the support set chooses.
STRENGTHS = (0.3, 1.0, 3.0, 10.0)
_N_FOLDS = 5


def probe_scores(known: Floats, labels: Floats, asked: Floats, task: Task) -> Floats:
    """Fit a linear model to the support set's vectors and score the queries, shape (q,).

    Vectors are centred on the support set and divided by its root mean squared length.
    Classification is logistic regression, its penalty chosen by cross-validated likelihood within
    the support set; regression is ridge regression, its penalty chosen by marginal likelihood, and
    gives distributions as `predict_normal`.

    >>> known, labels = np.array([[0.0], [0.1], [1.0], [1.1]]), np.array([0.0, 0.0, 1.0, 1.0])
    >>> (probe_scores(known, labels, known, "classification") > 0.5).tolist()
    [False, False, True, True]

    Args:
        known: Vectors of the support set, shape (s, d).
        labels: Its labels or values, shape (s,).
        asked: Vectors of the queries, shape (q, d).
        task: What is predicted.
    """
    centre = known.mean(axis=0)
    length = np.sqrt(((known - centre) ** 2).sum(axis=1).mean()) or 1.0
    known, asked = (known - centre) / length, (asked - centre) / length
    kernel, cross = known @ known.T, asked @ known.T
    if task == "regression":
        return predict_normal(kernel, labels, cross, (asked**2).sum(axis=1))
    return logistic_probabilities(kernel, labels, cross, _best_strength(kernel, labels))


def _best_strength(kernel: Floats, labels: Floats) -> float:
    """Choose of `STRENGTHS` by held-out likelihood; 1 where a class is too small."""
    n_folds = int(min(_N_FOLDS, labels.sum(), (1 - labels).sum()))
    if n_folds < 2:
        return 1.0
    losses = np.zeros(len(STRENGTHS))
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=0)
    for kept, left in folds.split(kernel, labels > 0.5):
        for number, strength in enumerate(STRENGTHS):
            found = logistic_probabilities(
                kernel[np.ix_(kept, kept)], labels[kept], kernel[np.ix_(left, kept)], strength
            )
            right = np.where(labels[left] > 0.5, found, 1 - found)
            losses[number] -= np.log(np.maximum(right, 1e-12)).sum()
    return STRENGTHS[int(losses.argmin())]
