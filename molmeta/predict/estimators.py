"""scikit-learn-like estimators: a few labelled molecules in, predictions for others out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.assays.measurement import parse_labels
from molmeta.chem.featurize import Featurized
from molmeta.errors import InputError
from molmeta.meta.calibration import prior
from molmeta.meta.run import LoadedModel
from molmeta.predict.base import FewShot
from molmeta.predict.conformal import check_error_rate, p_values
from molmeta.predict.explain import occlude
from molmeta.predict.known import Floats, as_smiles
from molmeta.predict.support_report import SupportReport, report_classes, report_values


class FewShotClassifier(ClassifierMixin, FewShot):  # type: ignore[misc]
    """Predicts activity in a new assay from a few labelled molecules.

    Molecules are SMILES or RDKit molecules: a list, an array, a Series, or one column of a frame.

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        steps: Inner steps instead of the model's own number.
        prevalence: The share of actives to expect among the molecules that are predicted; by
            default that of the support set, as the model sees it. It moves every log-odds by the
            same amount.
        workers: Processes that read molecules.

    Attributes:
        classes_: The two labels, the inactive one first, shape (2,).
        known_: The support molecules that parse, and the model adapted to them.
        rejected_: (position, reason) of the support molecules that do not parse.
        left_out_: Log-odds of each support molecule by the model adapted to the others, shape
            (s,); see `Known.left_out`. Computed when it is first asked for.
        support_report_: What the support set can bear; likewise.
    """

    def __init__(
        self,
        model: str | Path | LoadedModel = "default",
        *,
        steps: int | None = None,
        prevalence: float | None = None,
        workers: int = 1,
    ) -> None:
        self.model = model
        self.steps = steps
        self.prevalence = prevalence
        self.workers = workers

    def fit(self, smiles: Iterable[Any], y: ArrayLike) -> Self:
        """Take the support set and adapt to it.

        Args:
            smiles: Molecules, shape (n,).
            y: Two classes, shape (n,): 0 and 1, or two words. Of two numbers the larger is the
                active one; of "active" and "inactive", "yes" and "no" the one that says so; of
                any other two words the later one in the alphabet.

        Raises:
            InputError: If the sets differ in length, a label is missing, the molecules that parse
                are not of two classes, or the model is one of continuous labels.
        """
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise InputError.of(
                "prevalence", got=f"{self.prevalence}", expected="a share between 0 and 1"
            )
        labels = self._read(smiles, y)
        self.classes_ = _two_classes(labels)
        if self._given[0].learner.continuous:
            raise InputError.of(
                "model", got="one of continuous labels", expected="one of two classes"
            )
        self._learn((labels == self.classes_[1]).astype(np.float32))
        return self

    def decision_function(self, smiles: Iterable[Any]) -> Floats:
        """Log-odds of being active, shape (n,); NaN where a molecule does not parse."""
        return self.score_features(self.featurize(smiles))

    def score_features(self, features: Featurized) -> Floats:
        """As `decision_function`, from what `featurize` gave."""
        check_is_fitted(self, "known_")
        return self.known_.scores(features) + self._shift

    def predict_proba(self, smiles: Iterable[Any]) -> Floats:
        """Probability of each class, shape (n, 2); NaN where a molecule does not parse."""
        active = expit(self.decision_function(smiles))
        return np.column_stack([1 - active, active])

    def predict(self, smiles: Iterable[Any]) -> NDArray[np.generic]:
        """The likelier class, shape (n,).

        Raises:
            InputError: If a molecule does not parse, for which there is no class.
        """
        smiles = as_smiles(smiles)
        scores = self._parsed_or_refused(smiles, self.decision_function(smiles))
        classes: NDArray[np.generic] = self.classes_[(scores > 0).astype(int)]
        return classes

    def predict_set(self, smiles: Iterable[Any], error: float) -> NDArray[np.bool_]:
        """Which classes each molecule may have, shape (n, 2), in the order of `classes_`.

        Of molecules of either class like those of the support set, about the share `error` lacks
        its own class here (docs/prediction.md says how nearly). Both classes where a molecule
        does not parse.

        Raises:
            InputError: If the support set is too small for the error rate.
        """
        return self.set_of_scores(self.decision_function(smiles), error)

    def set_of_scores(self, scores: Floats, error: float) -> NDArray[np.bool_]:
        """As `predict_set`, from log-odds, shape (n,).

        Raises:
            InputError: If the support set is too small for the error rate.
        """
        check_is_fitted(self, "known_")
        check_error_rate(error, self.left_out_, self.known_.labels)
        values = p_values(self.left_out_, self.known_.labels, scores - self._shift)
        return ~(values <= error)

    def explain(self, smiles: Iterable[Any], top: int | None = None) -> pd.DataFrame:
        """The support molecules that decided each molecule's score, the weightiest first.

        See `explain.deciding`. `weight` is positive where a support molecule speaks for active
        and negative where it speaks against; all sizes of a molecule's weights sum to one. For a
        matching head they are its attention; for a kernel head w (y − αm), as
        `KernelHead.contributions` says. What such a head believes of a molecule without any
        support set is not among them.

        Args:
            smiles: Molecules, shape (n,).
            top: How many support molecules a molecule; all by default.

        Raises:
            InputError: If the model's head compares with no support molecule alone.
        """
        check_is_fitted(self, "known_")
        labels = self.classes_[self.known_.labels.astype(int)]
        return self._explain(smiles, "contributions", labels, top)

    def atom_contributions(self, smiles: Iterable[Any]) -> list[tuple[str, Floats]]:
        """What each atom adds to the log-odds; see `explain.occlude`.

        What the model recalls of these molecules (`Profiles`) has no part in it; of the support
        molecules it recalls what it does.

        Raises:
            InputError: If a molecule does not parse.
        """
        smiles = as_smiles(smiles)
        self._parsed_or_refused(smiles, self.decision_function(smiles))
        model = self.known_.model
        profiles = model.learner.encoder.activity_profiles
        with nullcontext() if profiles is None else profiles.forgotten():
            return occlude(smiles, self.decision_function, model.standardize)

    @cached_property
    def left_out_(self) -> Floats:
        """Each support molecule as predicted from the others, shape (s,)."""
        check_is_fitted(self, "known_")
        return self.known_.left_out()

    @cached_property
    def support_report_(self) -> SupportReport:
        """What the support set can bear."""
        names = str(self.classes_[0]), str(self.classes_[1])
        return report_classes(self.known_, self.left_out_, names)

    @property
    def _shift(self) -> float:
        """What the expected prevalence adds to every log-odds."""
        if self.prevalence is None:
            return 0.0
        seen = prior(self.known_.labels) if self.known_.model.carries_ratio else 0.0
        return float(logit(self.prevalence)) - seen


class FewShotRegressor(RegressorMixin, FewShot):  # type: ignore[misc]
    """Predicts values of a new assay, such as pXC50, from a few measured molecules.

    The matching formula on values: Σ a(x, xᵢ) yᵢ, with the weights a of the head of a model that
    learned on classes (`MatchingHead.attention`, `KernelHead.attention`), which adapts to whether
    a value lies above the support set's median. A model of continuous labels adapts to the values.

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        steps: Inner steps instead of the model's own number.
        workers: Processes that read molecules.

    Attributes:
        known_: The support molecules that parse, and the model adapted to them.
        values_: Their values, shape (s,).
        rejected_: (position, reason) of the support molecules that do not parse.
        left_out_: Each support molecule's value as predicted from the others, shape (s,).
            Computed when it is first asked for.
        support_report_: What the support set can bear; likewise.
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

    def fit(self, smiles: Iterable[Any], y: ArrayLike) -> Self:
        """Take the support set and adapt to it.

        Args:
            smiles: Molecules, shape (n,).
            y: Their values, shape (n,): pXC50 rather than nM, since they are averaged.

        Raises:
            InputError: If the sets differ in length, a value is missing, fewer than two molecules
                parse, or the model's head gives no weights.
        """
        given = self._read(smiles, y)
        try:
            self.values_ = given.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError.of(
                "values y", got=f"{given[:3].tolist()}", expected="numbers"
            ) from None
        if len(self.values_) < 2 or not np.isfinite(self.values_).all():
            raise InputError.of(
                "support set",
                got=f"{len(self.values_)} molecules that parse, "
                f"{int((~np.isfinite(self.values_)).sum())} of them without a value",
                expected="two or more molecules, each with a value",
            )
        above = self.values_ > np.median(self.values_)
        continuous = self._given[0].learner.continuous
        self._learn((self.values_ if continuous else above).astype(np.float32))
        self.predict(self.known_.smiles[:1])  # a head without weights is refused at once
        return self

    def predict(self, smiles: Iterable[Any]) -> Floats:
        """Values, shape (n,); NaN where a molecule does not parse."""
        features = self.featurize(smiles)
        return self.known_.weights("attention", features) @ self.values_

    def explain(self, smiles: Iterable[Any], top: int | None = None) -> pd.DataFrame:
        """The support molecules that decided each molecule's value; see `explain.deciding`.

        `weight` is a(x, xᵢ): a molecule's weights sum to one, and Σ weight · value is its
        prediction. A kernel head's may be negative.

        Args:
            smiles: Molecules, shape (n,).
            top: How many support molecules a molecule; all by default.
        """
        check_is_fitted(self, "known_")
        return self._explain(smiles, "attention", self.values_, top)

    @cached_property
    def left_out_(self) -> Floats:
        """Each support molecule as predicted from the others, shape (s,)."""
        check_is_fitted(self, "known_")
        return self.known_.left_out(self.values_)

    @cached_property
    def support_report_(self) -> SupportReport:
        """What the support set can bear."""
        return report_values(self.known_, self.left_out_, self.values_)


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
