"""The base of the few-shot estimators: they read molecules, learn and explain."""

from collections.abc import Callable, Iterable
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from molmeta.chem.featurize import Featurized
from molmeta.chem.inputs import as_smiles
from molmeta.errors import InputError
from molmeta.predict.adapted_assay import AdaptedAssay, warn_of_rejected
from molmeta.predict.explain import deciding
from molmeta.runs.model import Model, load_model

LEFT_OUT, NAN = "are left out of the support set", "get NaN"


def loaded(model: str | Path | Model, trust_code: bool) -> Model:
    """The model that a constructor was given, loaded if it is a name.

    Raises:
        InputError: As `load_model`.
    """
    return model if isinstance(model, Model) else load_model(model, trust_code=trust_code)


class FewShot(BaseEstimator):  # type: ignore[misc]
    """A support set and how molecules are read; what to make of them is its subclasses' part."""

    model: str | Path | Model
    steps: int | None
    workers: int
    trust_code: bool
    known_: AdaptedAssay
    rejected_: list[tuple[int, str]]

    def _read(self, smiles: list[Any]) -> tuple[Model, Featurized]:
        """Begin to fit: load the model and read the molecules, n of them."""
        if self.steps is not None:
            at_least("steps", self.steps, 0)
        model, workers = loaded(self.model, self.trust_code), at_least("workers", self.workers, 1)
        return model, model.featurize(smiles, fingerprints=True, identities=True, workers=workers)

    def _learn(
        self,
        model: Model,
        smiles: list[Any],
        features: Featurized,
        labels: NDArray[np.generic],
        values: NDArray[np.float32] | None = None,
        bounds: NDArray[np.float32] | None = None,
    ) -> None:
        """Adapt to the labels, values and bounds of the molecules that parse, shape (s,)."""
        fine, reasons = features.parsed, features.reasons
        if values is not None and np.isnan(values).all():
            values = None
        if not fine.all():
            smiles, features = [smiles[i] for i in np.flatnonzero(fine)], features.select(fine)
        given = labels.astype(np.float32), self.steps, values, bounds
        known = AdaptedAssay(model, smiles, features, *given)
        _ = known.panel
        for name in ("support_report_", "left_out_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        self.known_ = known
        self.rejected_ = [(i, reason) for i, reason in enumerate(reasons) if reason]
        warn_of_rejected(reasons, LEFT_OUT, level=3)

    def featurize(self, molecules: Iterable[Any], **options: Any) -> Featurized:
        """Read n molecules for `score_features`; options of `featurize`."""
        check_is_fitted(self, "known_")
        options = {"workers": self.workers} | options
        return self.known_.model.featurize(molecules, fingerprints=True, **options)

    def _features(self, molecules: Iterable[Any]) -> Featurized:
        """Featurize for a public method: warn of molecules that do not parse."""
        features = self.featurize(molecules)
        warn_of_rejected(features.reasons, NAN, level=3)
        return features

    def applicability(self, molecules: Iterable[Any]) -> pd.DataFrame:
        """Compare n molecules with the model's data; see `AdaptedAssay.applicability`."""
        return self.known_.applicability(self._features(molecules))

    def _explain(
        self,
        molecules: Iterable[Any],
        weigh: Callable[[Featurized], NDArray[np.float64]],
        labels: NDArray[np.generic],
        top: int | None,
    ) -> pd.DataFrame:
        if top is not None:
            at_least("top", top, 1)
        smiles = as_smiles(molecules)
        features = self.featurize(smiles)
        warn_of_rejected(features.reasons, "are not explained", level=3)
        weights, similarity = weigh(features), self.known_.similarity(features)
        return deciding(weights, similarity, smiles, self.known_.smiles, labels, top)

    def _all_parsed(self, molecules: list[Any]) -> Featurized:
        """Featurize molecules that must all parse.

        Raises:
            InputError: If one does not.
        """
        features = self.featurize(molecules)
        fine = features.parsed
        if not fine.all():
            bad = int((~fine).argmax())
            raise InputError.of(
                f"molecule {bad} does not parse",
                got=f"{molecules[bad]!r} ({features.reasons[bad]})",
                fix="Leave it out; predict_active and predict_proba give NaN for such a one.",
            )
        return features

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array, tags.input_tags.allow_nan = False, True
        return tags


def at_least(name: str, number: Any, least: int) -> int:
    """A whole number of a constructor or method as it is.

    Raises:
        InputError: If it is none, or less than `least`.
    """
    if not isinstance(number, Integral) or number < least:
        raise InputError.of(name, got=repr(number), expected=f"a whole number, {least} or more")
    return int(number)
