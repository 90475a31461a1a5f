"""Indicators: numbers of a support set by which a model's success on the assay is expected.

`molmeta.training.calibrate` measures on held-out assays what they are worth; `fit` reports it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from molmeta import metrics
from molmeta.predict.adapted_assay import AdaptedAssay, Floats
from molmeta.runs.calibration import prior


@dataclass(frozen=True)
class Indicators:
    """Numbers about a support set of two classes, all finite.

    Attributes:
        left_out_auc: ROC-AUC of the left-out scores, minus one half.
        information: By how many nats a molecule the left-out scores tell its class better than
            the ratio of classes does.
        confidence: Mean distance of the left-out probabilities from that ratio.
        training: Mean similarity with the nearest training molecule; 0 if the model holds none.
        similarity_auc: As `left_out_auc`, of similarity search on the others: the similarity with
            the nearest active minus that with the nearest inactive one.
    """

    left_out_auc: float
    information: float
    confidence: float
    training: float
    similarity_auc: float

    @property
    def similarity_is_better(self) -> bool:
        """Tell whether similarity search ranks left-out molecules better than the model."""
        return self.similarity_auc > self.left_out_auc


def indicators(known: AdaptedAssay, left_out: Floats) -> Indicators:
    """Read a support set.

    Args:
        known: Of two classes.
        left_out: As `AdaptedAssay.left_out` gives it, shape (s,).
    """
    usable = ~np.isnan(left_out)
    if not usable.any():
        return Indicators(0.0, 0.0, 0.0, _training(known), 0.0)
    active, scores = known.labels[usable] == 1, left_out[usable]
    similarity = known.similarity(known.features)
    np.fill_diagonal(similarity, -1.0)
    inactives, actives = (similarity[:, known.labels == label].max(1) for label in (0, 1))
    chance = prior(known.labels)
    gained = np.where(active, log_expit(scores), log_expit(-scores)) - np.where(
        active, log_expit(chance), log_expit(-chance)
    )
    return Indicators(
        left_out_auc=_auc(active, scores),
        information=float(gained.mean()),
        confidence=float(np.abs(expit(scores) - known.labels.mean()).mean()),
        training=_training(known),
        similarity_auc=_auc(active, (actives - inactives)[usable]),
    )


def _training(known: AdaptedAssay) -> float:
    nearest = known.nearest_training
    return 0.0 if nearest is None else float(nearest.mean())


def _auc(active: NDArray[np.bool_], scores: Floats) -> float:
    return metrics.roc_auc(active, scores) - 0.5 if active.any() and not active.all() else 0.0
