"""scikit-learn-like estimators: a few labelled molecules in, predictions for others out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.assays.measurement import parse_labels
from molmeta.chem.featurize import Featurized
from molmeta.errors import InputError, MolmetaError
from molmeta.meta.run import LoadedModel, load_model
from molmeta.meta.scorer import Scorer


class FewShotClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts activity in a new assay from a few labelled molecules.

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        steps: Inner steps instead of the model's own number.
        workers: Processes that read molecules.

    Attributes:
        classes_: The two labels, the inactive one first, shape (2,).
        rejected_: (position, reason) of the support molecules that do not parse.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel = "default",
        *,
        steps: int | None = None,
        workers: int = 1,
    ) -> None:
        self.model = model
        self.steps = steps
        self.workers = workers

    def fit(self, smiles: Sequence[str], y: ArrayLike) -> Self:
        """Take the support set and adapt to it.

        Args:
            smiles: Molecules, shape (n,).
            y: Two classes, shape (n,): 0 and 1, or two words. Of two numbers the larger is the
                active one; of "active" and "inactive", "yes" and "no" the one that says so; of
                any other two words the later one in the alphabet.

        Raises:
            InputError: If the sets differ in length, a label is missing, or the molecules that
                parse are not of two classes.
        """
        smiles, labels = _listed(smiles), np.asarray(y)
        if labels.shape != (len(smiles),):
            raise InputError.of(
                "labels y", got=f"shape {labels.shape}", expected=f"shape ({len(smiles)},)"
            )
        self._model = self.model if isinstance(self.model, LoadedModel) else load_model(self.model)
        features = self._model.featurize(smiles, workers=self.workers)
        parsed = np.asarray([not reason for reason in features.reasons], dtype=bool)
        self.rejected_ = [
            (position, reason) for position, reason in enumerate(features.reasons) if reason
        ]
        self.classes_ = _two_classes(labels[parsed])
        self._labels = (labels[parsed] == self.classes_[1]).astype(np.float32)
        self._adapted = Scorer(self._model.learner, features).adapt(
            np.flatnonzero(parsed), self._labels, steps=self.steps
        )
        return self

    def decision_function(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """Log-odds of being active, shape (n,); NaN where a molecule does not parse."""
        check_is_fitted(self, "classes_")
        return self.score_features(self._model.featurize(_listed(smiles), workers=self.workers))

    def score_features(self, features: Featurized) -> NDArray[np.float64]:
        """As `decision_function`, from what the model's `featurize` gave."""
        check_is_fitted(self, "classes_")
        scores = np.full(len(features), np.nan)
        parsed = np.flatnonzero([not reason for reason in features.reasons])
        if len(parsed):
            scores[parsed] = Scorer(self._model.learner, features).score(self._adapted, parsed)
            if not np.isfinite(scores[parsed]).all():
                raise MolmetaError("the model's scores are not finite: its training diverged")
        return scores

    def predict_proba(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """Probability of each class, shape (n, 2); NaN where a molecule does not parse."""
        active = expit(self.decision_function(smiles))
        return np.column_stack([1 - active, active])

    def predict(self, smiles: Sequence[str]) -> NDArray[np.generic]:
        """The likelier class, shape (n,).

        Raises:
            InputError: If a molecule does not parse, for which there is no class.
        """
        smiles = list(smiles)
        scores = self.decision_function(smiles)
        if np.isnan(scores).any():
            bad = int(np.flatnonzero(np.isnan(scores))[0])
            raise InputError.of(
                f"molecule {bad} does not parse",
                got=repr(smiles[bad]),
                fix="Use predict_proba, which gives NaN for such a molecule.",
            )
        classes: NDArray[np.generic] = self.classes_[(scores > 0).astype(int)]
        return classes


def _listed(smiles: Sequence[str]) -> list[str]:
    if isinstance(smiles, str):
        raise InputError.of("smiles", got="a single text", expected="a list of SMILES")
    return list(smiles)


def _two_classes(labels: NDArray[np.generic]) -> NDArray[np.generic]:
    """The inactive and the active label.

    Raises:
        InputError: If a label is missing, or there are not two classes.
    """
    missing = np.asarray(pd.isna(labels))
    classes = pd.Series(labels[~missing]).drop_duplicates().sort_values().to_numpy(labels.dtype)
    if missing.any() or len(classes) != 2:
        raise InputError.of(
            "support set",
            got=f"{len(labels)} molecules that parse, {int(missing.sum())} of them unlabelled, "
            f"with the labels {classes.tolist()[:5]}",
            expected="at least one active and one inactive molecule",
            fix="Add a measured molecule of the other class.",
        )
    if labels.dtype.kind in "OUS":
        try:
            classes = classes[np.argsort(parse_labels(pd.Series(classes), "y"))]
        except InputError:  # words of the user's own
            return classes
    return classes
