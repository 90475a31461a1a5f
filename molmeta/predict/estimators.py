"""A scikit-learn-like classifier: a few labelled molecules in, predictions for others out."""

from collections.abc import Iterable
from contextlib import nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.chem.featurize import Featurized
from molmeta.chem.inputs import as_smiles
from molmeta.errors import InputError
from molmeta.learning.scorer import Scorer
from molmeta.predict.adapted_assay import Floats
from molmeta.predict.classes import as_labels, as_measured, two_classes
from molmeta.predict.conformal import check_error_rate, p_values
from molmeta.predict.explain import occlude
from molmeta.predict.few_shot import FewShot
from molmeta.predict.support_report import SupportReport, report_classes
from molmeta.runs.model import Model

Number = TypeVar("Number", bound=np.generic)


class FewShotClassifier(ClassifierMixin, FewShot):  # type: ignore[misc]
    """Predicts activity in a new assay from a few labelled molecules.

    Molecules are SMILES or RDKit molecules: a list, an array, a Series, or one column of a frame.
    As everywhere in scikit-learn, rows belong together by position, whatever an index says.

    A molecule that does not parse gets NaN, and a `RejectedWarning` says so; in `fit` it is left
    out, with the same warning.

    >>> from molmeta import FewShotClassifier
    >>> known, labels = ["CCO", "CCCO", "CCN", "CCCN"], ["inactive", "inactive", "active", "active"]
    >>> model = FewShotClassifier().fit(known, labels)
    >>> model.predict(["CCCCO", "CCCCN"]).tolist()
    ['inactive', 'active']
    >>> alcohol, amine = model.log_odds(["CCCCO", "CCCCN"])
    >>> bool(alcohol < amine)
    True

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        active: The label of active molecules; by default as the labels say (see `fit`).
        steps: Inner steps instead of the model's own number.
        prevalence: The share of actives to expect among the molecules that are predicted; by
            default that of the support set, as the model sees it. It moves every log-odds by the
            same amount.
        workers: Processes that read molecules.
        trust_code: Whether the model may import parts that are not molmeta's own; see `load_model`.

    Attributes:
        classes_: The two labels, sorted, shape (2,): the order of `predict_proba`'s columns.
        active_class_: Which of them is the active one.
        known_: The support molecules that parse, and the model adapted to them.
        rejected_: (position, reason) of the support molecules that do not parse.
        left_out_: Log-odds of each support molecule being active, by the model adapted to the
            others, shape (s,); see `AdaptedAssay.left_out`. Computed when it is first asked for.
        support_report_: What the support set can bear; likewise.
    """

    def __init__(
        self,
        model: str | Path | Model = "default",
        *,
        active: object = None,
        steps: int | None = None,
        prevalence: float | None = None,
        workers: int = 1,
        trust_code: bool = False,
    ) -> None:
        self.model = model
        self.active = active
        self.steps = steps
        self.prevalence = prevalence
        self.workers = workers
        self.trust_code = trust_code

    def fit(
        self,
        smiles: Iterable[Any],
        y: ArrayLike,
        values: ArrayLike | None = None,
        bounds: ArrayLike | None = None,
    ) -> Self:
        """Take the support set and adapt to it.

        With `values`, labels are graded: a molecule far from the threshold speaks louder than one
        beside it; see `molmeta.assays.graded.grade`.

        There is no `sample_weight`: each measured molecule counts once. A molecule that is given
        twice counts twice, also with contradicting labels; `support_report_` warns of both.

        Args:
            y: Two classes, shape (n,). Of two numbers the larger is the active one, and of False
                and True it is True; of words such as "active" and "inactive", "yes" and "no" the
                one that says so. Of any other two words nobody knows: name one as `active`. Some
                of scikit-learn's tools (`cross_val_predict` of probabilities, voting, stacking)
                number words in the order of the alphabet, "active" 0, before they are seen here:
                give those 1 and 0, or name `active`, and they are refused.
            values: The exact measured values that y was decided by, on a scale on which they
                compare, such as pXC50 (not nM); NaN where there is none, shape (n,).
            bounds: On the same scale the bounds of values that are not exact, as 5 of "> 10 µM";
                NaN elsewhere, shape (n,). They decide no grade, but predicted values.

        Raises:
            InputError: If the sets differ in length, a label is missing, the molecules that parse
                are not of two classes, the labels do not say which one is active, or the model is
                one of continuous labels.
        """
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise InputError.of(
                "prevalence", got=f"{self.prevalence}", expected="a share between 0 and 1"
            )
        molecules = as_smiles(smiles)
        labels = as_labels(y, len(molecules))
        classes, active = two_classes(labels, self.active)
        model, features = self._read(molecules)
        is_active = (labels == classes[active])[features.parsed]
        if is_active.all() or not is_active.any():
            raise InputError.of(
                "support set",
                got=f"{len(is_active)} molecules that parse, {int(is_active.sum())} of them "
                f"active; of the others, {next(filter(None, features.reasons))}",
                expected="at least one active and one inactive molecule",
                fix="Correct the molecules, or add a measured one of the other class.",
            )
        if model.learner.continuous:
            raise InputError.of(
                "model", got="one of continuous labels", expected="one of two classes"
            )
        measured = [
            None if given is None else as_measured(given, len(molecules))[features.parsed]
            for given in (values, bounds)
        ]
        self._learn(model, molecules, features, is_active, *measured)
        self.classes_, self.active_class_ = classes, classes[active]
        return self

    def predict_active(self, smiles: Iterable[Any]) -> Floats:
        """Probability of being active, shape (n,); NaN where a molecule does not parse."""
        probabilities: Floats = expit(self.score_features(self._features(smiles)))
        return probabilities

    def log_odds(self, smiles: Iterable[Any]) -> Floats:
        """Log-odds of being active, shape (n,); NaN where a molecule does not parse."""
        return self.score_features(self._features(smiles))

    def score_features(self, features: Featurized, scorer: Scorer | None = None) -> Floats:
        """Log-odds of being active, shape (n,), from what `featurize` gave of n molecules.

        Args:
            features: Of the molecules.
            scorer: Of the model's learner and these features, where they serve something else too.
        """
        check_is_fitted(self, "known_")
        panel = self.known_.panel
        scores: Floats = panel.score(features, self.prevalence, np.float64, scorer)[:, 0]
        return scores

    def decision_function(self, smiles: Iterable[Any]) -> Floats:
        """Log-odds of `classes_[1]`, shape (n,), as scikit-learn reads them; NaN as above.

        If `active_class_` is the first one, they are those of being *inactive*: see `log_odds`.
        """
        scores = self.score_features(self._features(smiles))
        return -scores if self._is_reversed else scores

    def predict_proba(self, smiles: Iterable[Any]) -> Floats:
        """Probability of each class, shape (n, 2), in the order of `classes_`; NaN as above.

        `predict_active` gives that of being active, whatever the labels are called.
        """
        active = expit(self.score_features(self._features(smiles)))
        return self._in_order(np.column_stack([1 - active, active]))

    def predict(self, smiles: Iterable[Any]) -> NDArray[np.generic]:
        """The likelier class, shape (n,).

        Raises:
            InputError: If a molecule does not parse, for which there is no class.
        """
        scores = self.score_features(self._all_parsed(as_smiles(smiles)))
        classes: NDArray[np.generic] = self._by_activity[(scores > 0).astype(int)]
        return classes

    def predict_set(self, smiles: Iterable[Any], error: float) -> NDArray[np.bool_]:
        """Tell which classes each molecule may have, (n, 2), in the order of `classes_`.

        Of molecules of either class like those of the support set, about the share `error` lacks
        its own class here (docs/reference/probabilities.md says how nearly). Both classes where a
        molecule does not parse.

        Raises:
            InputError: If the support set is too small for the error rate.
        """
        return self._in_order(
            self.set_of_scores(self.score_features(self._features(smiles)), error)
        )

    def set_of_scores(self, scores: Floats, error: float) -> NDArray[np.bool_]:
        """Tell the same as `predict_set`, from log-odds of being active, shape (n,).

        Returns:
            Shape (n, 2), the inactive class first, whatever the labels are called.

        Raises:
            InputError: If the support set is too small for the error rate.
        """
        check_is_fitted(self, "known_")
        check_error_rate(error, self.left_out_, self.known_.labels)
        shift = self.known_.model.shift(self.known_.labels, self.prevalence)
        values = p_values(self.left_out_, self.known_.labels, scores - shift)
        return ~(values <= error)

    def explain(self, smiles: Iterable[Any], top: int | None = None) -> pd.DataFrame:
        """The support molecules that decided each molecule's score, the weightiest first.

        See `explain.deciding`. `weight` is positive where a support molecule speaks for active
        and negative where it speaks against; all sizes of a molecule's weights sum to one. They
        are those of `MatchingHead.contributions`. What a head believes of a molecule without any
        support set is not among them.

        Args:
            smiles: Molecules, shape (n,).
            top: How many support molecules a molecule; all by default.

        Raises:
            InputError: If the model's head compares with no support molecule alone.
        """
        check_is_fitted(self, "known_")
        labels = self._by_activity[self.known_.labels.astype(int)]
        weigh = partial(self.known_.weights, "contributions")
        return self._explain(smiles, weigh, labels, top)

    def atom_contributions(self, smiles: Iterable[Any]) -> list[tuple[str, Floats]]:
        """Compute each atom's share of the log-odds of being active; see `explain.occlude`.

        What the model recalls of these molecules (`Profiles`) has no part in it; of the support
        molecules it recalls what it does.

        Raises:
            InputError: If a molecule does not parse.
        """
        molecules = as_smiles(smiles)
        self._all_parsed(molecules)
        model = self.known_.model
        profiles = model.learner.encoder.activity_profiles
        with nullcontext() if profiles is None else profiles.forgotten():
            return occlude(
                molecules, lambda some: self.score_features(self.featurize(some)), model.standardize
            )

    @cached_property
    def left_out_(self) -> Floats:
        """Each support molecule as predicted from the others, shape (s,)."""
        check_is_fitted(self, "known_")
        return self.known_.left_out()

    @cached_property
    def support_report_(self) -> SupportReport:
        """Report on the support set: leave-one-out figures, likeness, warnings."""
        inactive, active = map(str, self._by_activity)
        return report_classes(self.known_, self.left_out_, (inactive, active))

    @property
    def _is_reversed(self) -> bool:
        return bool(self.classes_[0] == self.active_class_)

    @property
    def _by_activity(self) -> NDArray[np.generic]:
        """The two labels, the inactive one first."""
        return self._in_order(self.classes_)

    def _in_order(self, pairs: NDArray[Number]) -> NDArray[Number]:
        """From inactive and active (the last axis) to the order of `classes_`, and back."""
        return pairs[..., ::-1] if self._is_reversed else pairs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
