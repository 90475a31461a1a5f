"""What the estimators share: how molecules are read, and what is known of the new assay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from molmeta.chem.featurize import Featurized
from molmeta.errors import InputError
from molmeta.predict.explain import deciding
from molmeta.predict.known import Floats, Known, as_smiles, parsed
from molmeta.runs.model import LoadedModel, load_model


class FewShot(BaseEstimator):  # type: ignore[misc]
    """A support set and how molecules are read; what to make of them is its subclasses' part."""

    model: str | Path | LoadedModel
    steps: int | None
    workers: int
    known_: Known
    rejected_: list[tuple[int, str]]

    def _read(self, molecules: Iterable[Any], y: ArrayLike) -> NDArray[np.generic]:
        """Begin to fit: keep the molecules that parse as `_given`; their labels, shape (s,)."""
        smiles, labels = as_smiles(molecules), np.asarray(y)
        if labels.shape != (len(smiles),):
            raise InputError.of(
                "labels y", got=f"shape {labels.shape}", expected=f"shape ({len(smiles)},)"
            )
        model = self.model if isinstance(self.model, LoadedModel) else load_model(self.model)
        features = _featurize(model, smiles, self.workers)
        fine = parsed(features)
        self.rejected_ = [(i, reason) for i, reason in enumerate(features.reasons) if reason]
        if not fine.all():
            smiles = [one for one, is_fine in zip(smiles, fine, strict=True) if is_fine]
            features = _featurize(model, smiles, self.workers)
        self._given = model, smiles, features
        for name in ("support_report_", "left_out_"):  # of an earlier fit
            self.__dict__.pop(name, None)
        return labels[fine]

    def _learn(self, labels: NDArray[np.float32]) -> None:
        """Adapt to the labels of what `_read` kept, shape (s,)."""
        self.known_ = Known(*self._given, labels, self.steps)
        del self._given
        _ = self.known_.adapted

    def featurize(self, molecules: Iterable[Any], **options: Any) -> Featurized:
        """Read n molecules for `score_features` and `applicability`; options of `featurize`."""
        check_is_fitted(self, "known_")
        options = {"workers": self.workers} | options
        return self.known_.model.featurize(as_smiles(molecules), fingerprints=True, **options)

    def applicability(self, molecules: Iterable[Any]) -> pd.DataFrame:
        """How near n molecules lie to what the model has seen; see `Known.applicability`."""
        return self.known_.applicability(self.featurize(molecules))

    def _explain(
        self,
        molecules: Iterable[Any],
        give: Literal["attention", "contributions"],
        labels: NDArray[np.generic],
        top: int | None,
    ) -> pd.DataFrame:
        smiles = as_smiles(molecules)
        features = self.featurize(smiles)
        weights, similarity = self.known_.weights(give, features), self.known_.similarity(features)
        return deciding(weights, similarity, smiles, self.known_.smiles, labels, top)

    def _parsed_or_refused(self, molecules: Iterable[Any], predicted: Floats) -> Floats:
        """`predicted` as it is, if every molecule parses."""
        if np.isnan(predicted).any():
            bad = int(np.flatnonzero(np.isnan(predicted))[0])
            raise InputError.of(
                f"molecule {bad} does not parse",
                got=repr(list(molecules)[bad]),
                fix="Leave it out; predict_proba and decision_function give NaN for such a one.",
            )
        return predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        return tags


def _featurize(model: LoadedModel, smiles: list[Any], workers: int) -> Featurized:
    return model.featurize(smiles, fingerprints=True, identities=True, workers=workers)
