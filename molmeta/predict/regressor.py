"""A scikit-learn-like regressor: a few measured molecules in, values of others out."""

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from molmeta.chem.featurize import Featurized
from molmeta.chem.inputs import as_smiles
from molmeta.errors import InputError
from molmeta.learning.scorer import Scorer
from molmeta.predict.adapted_assay import Floats
from molmeta.predict.classes import as_values
from molmeta.predict.few_shot import FewShot
from molmeta.predict.support_report import SupportReport, report_values
from molmeta.predict.value_posterior import Predicted, ValuePosterior
from molmeta.runs.model import Model


class FewShotRegressor(RegressorMixin, FewShot):  # type: ignore[misc]
    """Predicts values of a new assay, such as pXC50, from a few measured molecules.

    Ridge attention on values, as the posterior of a Gaussian process: see `ValuePosterior`. The
    model learned on classes, and adapts to whether a value lies above the support set's median. Of
    a model whose head has no covariance it is the matching formula Σ a(x, xᵢ) yᵢ, without
    intervals. A model of continuous labels adapts to the values. Molecules are as
    `FewShotClassifier` takes them.

    >>> from molmeta import FewShotRegressor
    >>> known, values = ["CCO", "CCCO", "CCN", "CCCN"], [5.1, 5.4, 6.8, 7.2]
    >>> model = FewShotRegressor().fit(known, values)
    >>> alcohol, amine = model.predict(["CCCCO", "CCCCN"])
    >>> bool(alcohol < amine)
    True
    >>> model.predict_interval(["CCCCO"], coverage=0.8).shape
    (1, 2)

    Args:
        model: A run folder, a shipped model's name, or a model already loaded.
        steps: Inner steps instead of the model's own number.
        workers: Processes that read molecules.
        trust_code: Whether the model may import parts that are not molmeta's own; see `load_model`.

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
        model: str | Path | Model = "default",
        *,
        steps: int | None = None,
        workers: int = 1,
        trust_code: bool = False,
    ) -> None:
        self.model = model
        self.steps = steps
        self.workers = workers
        self.trust_code = trust_code

    def fit(self, smiles: Iterable[Any], y: ArrayLike) -> Self:
        """Take the support set and adapt to it.

        There is no `sample_weight`, and a molecule that is given twice counts twice.

        Args:
            smiles: Molecules, shape (n,).
            y: Their values, shape (n,): pXC50 rather than nM, since they are averaged.

        Raises:
            InputError: If the sets differ in length, a value is missing, fewer than two molecules
                parse, all values are alike, or the model's head gives no weights.
        """
        molecules = as_smiles(smiles)
        values = as_values(y, len(molecules))
        model, features = self._read(molecules)
        values = values[features.parsed]
        if len(values) < 2:
            raise InputError.of(
                "support set",
                got=f"{len(values)} molecules that parse",
                expected="two or more molecules, each with a value",
            )
        if np.ptp(values) == 0:
            raise InputError.of(
                "support set",
                got=f"{len(values)} values, all {values[0]:g}",
                expected="values that differ: from these none can be told",
            )
        above = values > np.median(values)
        self._learn(model, molecules, features, values if model.learner.continuous else above)
        self.values_ = values
        self.__dict__.pop("_posterior", None)
        self.predict(self.known_.smiles[:1])  # a head that cannot is refused at once
        return self

    def predict(
        self, smiles: Iterable[Any], return_std: bool = False
    ) -> Floats | tuple[Floats, Floats]:
        """Values, shape (n,), and on demand their standard deviations; NaN as `predict_active`."""
        predicted = self._predict(smiles)
        return (predicted.mean, predicted.std) if return_std else predicted.mean

    def predict_interval(self, smiles: Iterable[Any], coverage: float = 0.8) -> Floats:
        """Intervals that hold a molecule's value with the probability `coverage`, shape (n, 2).

        Raises:
            InputError: If it is no share, or the model's head has no covariance.
        """
        if not 0 < coverage < 1:
            raise InputError.of("coverage", got=f"{coverage}", expected="a share between 0 and 1")
        return self._distribution(smiles).interval(coverage)

    def predict_above(self, smiles: Iterable[Any], threshold: float) -> Floats:
        """Probability that a molecule's value lies above the threshold, shape (n,).

        Raises:
            InputError: If the model's head has no covariance.
        """
        return self._distribution(smiles).above(threshold)

    def value_features(self, features: Featurized) -> Predicted:
        """Predict values from what `featurize` gave of n molecules; NaN where none parses."""
        check_is_fitted(self, "known_")
        mean, scale = np.full((2, len(features)), np.nan)
        rows = np.flatnonzero(features.parsed)
        if len(rows):
            found = self._posterior.predict(self._scorer(features), rows)
            mean[rows], scale[rows] = found.mean, found.scale
        return Predicted(mean, scale)

    def explain(self, smiles: Iterable[Any], top: int | None = None) -> pd.DataFrame:
        """The support molecules that decided each molecule's value; see `explain.deciding`.

        `weight` is a(x, xᵢ): a molecule's weights sum to one, and Σ weight · value is its
        prediction. Those of ridge attention may be negative. Values are as they count: see
        `ValuePosterior` on outlying ones.

        Args:
            smiles: Molecules, shape (n,).
            top: How many support molecules a molecule; all by default.
        """
        check_is_fitted(self, "known_")
        return self._explain(smiles, self._weights, self._posterior.values, top)

    @cached_property
    def _posterior(self) -> ValuePosterior:
        return ValuePosterior.learn(self.known_.adapted, self.values_)

    def _predict(self, smiles: Iterable[Any]) -> Predicted:
        check_is_fitted(self, "known_")
        return self.value_features(self._features(smiles))

    def _distribution(self, smiles: Iterable[Any]) -> Predicted:
        """Predict, and refuse where the model says values alone."""
        check_is_fitted(self, "known_")
        if self._posterior.process is None:
            raise InputError.of(
                "intervals of values",
                got="a model whose head gives no covariance of values",
                expected="one with a matching head of attention: ridge",
                fix="Use predict, which gives values alone.",
            )
        return self._predict(smiles)

    def _weights(self, features: Featurized) -> Floats:
        weights = np.full((len(features), len(self.values_)), np.nan)
        rows = np.flatnonzero(features.parsed)
        if len(rows):
            weights[rows] = self._posterior.attention(self._scorer(features), rows)
        return weights

    def _scorer(self, features: Featurized) -> Scorer:
        return Scorer(self.known_.model.learner, features)

    @cached_property
    def left_out_(self) -> Floats:
        """Each support molecule as predicted from the others, shape (s,)."""
        check_is_fitted(self, "known_")
        return self.known_.left_out(self.values_)

    @cached_property
    def support_report_(self) -> SupportReport:
        """Report on the support set: leave-one-out figures, likeness, warnings."""
        return report_values(self.known_, self.left_out_, self.values_)
