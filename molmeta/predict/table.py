"""Predicting a table: a support set and a library in, one output row for every input row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from molmeta.assays.columns import check_names
from molmeta.assays.duplicates import find_substances
from molmeta.assays.library import Library
from molmeta.assays.measurement import as_text
from molmeta.assays.support import Support
from molmeta.chem.featurize import Featurized
from molmeta.chem.filters import FILTER_COLUMNS, filter_table
from molmeta.errors import InputError
from molmeta.learning.scorer import Scorer
from molmeta.predict.estimators import FewShotClassifier
from molmeta.runs.model import Model

OUTPUT_COLUMNS = {
    "rank": "Int64",
    "p_active": "float64",
    "score": "float64",
    "status": "object",
    "reason": "object",
    "already_measured": "bool",
    "measured_class": "object",
    "measured_value": "float64",
    "predicted_value": "float64",
    "predicted_lower": "float64",
    "predicted_upper": "float64",
    "nearest_support": "object",
    "nearest_similarity": "float64",
    "nearest_training": "float64",
    "in_domain": "boolean",
}
"""The columns that prediction adds, in their order, with their types in pandas.

Other programs read them by name (docs/reference/output.md): none is renamed, moved or given
another type.
"""

POSSIBLE = "possible_classes"
"""Beside `OUTPUT_COLUMNS` where an error rate is given: active, inactive, either or neither."""

COVERAGE = 0.8
"""The share of values that lie between `predicted_lower` and `predicted_upper`."""

_VALUE_COLUMNS = ("predicted_value", "predicted_lower", "predicted_upper")
_SETS = np.array([["neither", "active"], ["inactive", "either"]], dtype=object)
_CLASSES = np.array(["inactive", "active"], dtype=object)
_DECIMALS = 3
"""Of what is written: a probability is never known better, and a rank tells equal ones apart."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of n rows.

    Attributes:
        classifier: What made them.
        table: The input's rows, every one of them, in the input's order or `ranked`: its own
            columns, then `OUTPUT_COLUMNS`. A molecule that does not parse has status `rejected`,
            a reason, and no score. One that is measured has a score and no rank.
        smiles: The molecules as given, "" where blank, (n,).
    """

    classifier: FewShotClassifier
    table: pd.DataFrame
    smiles: list[str]

    def ranked(self) -> Predictions:
        """Sort the rows: the best new molecule first, then measured ones, then rejected ones."""
        table = self.table
        group = np.select([table["status"] == "rejected", table["already_measured"]], [2, 1], 0)
        order = np.lexsort((-table["score"].fillna(0), group))
        return replace(
            self, table=table.iloc[order], smiles=[self.smiles[i] for i in order.tolist()]
        )

    def rounded(self) -> Predictions:
        """Round the figures that were added to three decimals, for people and files."""
        return replace(self, table=rounded(self.table))


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Round the figures that prediction added to three decimals; the user's own stay.

    >>> rounded(pd.DataFrame({"price": [1.23456], "p_active": [0.51234]})).values.tolist()
    [[1.23456, 0.512]]
    """
    added = [name for name, kind in OUTPUT_COLUMNS.items() if kind == "float64"]
    return table.round(dict.fromkeys(added, _DECIMALS))


def read_library(library: Library) -> tuple[pd.DataFrame, list[str]]:
    """All rows of a library as read, n of them, and their SMILES, "" where blank, (n,).

    Raises:
        InputError: If it has no rows or a part cannot be read.
    """
    rows = pd.concat(library.chunks())
    return rows, as_text(rows[library.smiles_column]).tolist()


def learn(
    model: Model,
    support: Support,
    *,
    steps: int | None = None,
    prevalence: float | None = None,
    labels_only: bool = False,
    workers: int = 1,
) -> FewShotClassifier:
    """Learn from what curation kept of a support table.

    >>> from pathlib import Path
    >>> from molmeta.assays import read_support
    >>> from molmeta.runs import load_model
    >>> _ = Path("mine.csv").write_text("smiles,active\\nCCO,0\\nCCCO,0\\nCCN,1\\nCCCN,1\\nC(,1")
    >>> classifier = learn(load_model("default"), read_support("mine.csv"))
    >>> len(classifier.known_.features), classifier.predict(["CCCCN"]).tolist()
    (4, [1])

    Args:
        model: As of `FewShotClassifier`, with `steps`, `prevalence` and `workers`.
        support: Where it has values, the labels are graded by them,
        labels_only: unless this says that labels are all that counts.

    Raises:
        InputError: If the support set lacks a class.
    """
    known = np.flatnonzero(support.kept)
    classifier = FewShotClassifier(model, steps=steps, prevalence=prevalence, workers=workers)
    measured = () if labels_only else (support.values[known], support.bounds[known])
    return classifier.fit(
        [support.smiles[i] for i in known], support.labels[known].astype(int), *measured
    )


def predict_table(
    classifier: FewShotClassifier,
    library: Library | Support,
    *,
    error: float | None = None,
    properties: bool = False,
    measured: Mapping[str, float] | None = None,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Predictions:
    """Predict the molecules of a library, or the blank rows of a support table.

    >>> from pathlib import Path
    >>> from molmeta.assays import open_library
    >>> classifier = FewShotClassifier().fit(["CCO", "CCCO", "CCN", "CCCN"], [0, 0, 1, 1])
    >>> _ = Path("library.csv").write_text("smiles\\nCCCCO\\nCCCCN\\nC(")
    >>> ranked = predict_table(classifier, open_library("library.csv")).ranked().table
    >>> ranked["smiles"].tolist(), ranked["status"].tolist()
    (['CCCCN', 'CCCCO', 'C('], ['ok', 'ok', 'rejected'])

    Args:
        classifier: As `learn` gives it.
        library: Molecules to predict.
        error: At which share of errors to name the `possible_classes`; None: they are not named.
        properties: Whether to add the columns of `filter_table`: weight, logP, alerts …
        measured: The exact value of each molecule that is measured, NaN where there is none; also
            of those that were not learnt from. None: what the classifier knows.
        workers: Processes that read molecules.
        progress: Called with the number of molecules done since its last call.

    Raises:
        InputError: If there is nothing to predict, or the support set cannot bear the error rate.
    """
    if isinstance(library, Support):
        blank, name = np.flatnonzero(library.blank), library.assay_id
        rows, smiles = library.rows.iloc[blank], [library.smiles[i] for i in blank]
    else:
        rows, smiles, name = *read_library(library), library.name
    if not len(rows):
        raise InputError.of(
            f"input {name}",
            got="no row to predict",
            expected="rows with a blank label, or a file of molecules (--input)",
        )
    more = [*([POSSIBLE] if error else []), *(FILTER_COLUMNS if properties else [])]
    check_names(map(str, rows), f"input {name}", [*OUTPUT_COLUMNS, *more])
    return predict_rows(
        classifier,
        rows,
        smiles,
        error=error,
        properties=properties,
        measured=measured,
        workers=workers,
        progress=progress,
    )


def predict_rows(
    classifier: FewShotClassifier,
    rows: pd.DataFrame,
    smiles: list[str],
    *,
    error: float | None = None,
    properties: bool = False,
    measured: Mapping[str, float] | None = None,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
    scorer: Scorer | None = None,
) -> Predictions:
    """Predict molecules that stand in n rows of a table.

    >>> known = FewShotClassifier().fit(["CCO", "CCN", "CCC", "CCCC"], [1, 1, 0, 0])
    >>> found = predict_rows(known, pd.DataFrame({"id": ["a", "b"]}), ["OCC", "CC1"])
    >>> found.table[["id", "status", "already_measured"]].values.tolist()
    [['a', 'ok', True], ['b', 'rejected', False]]

    Args:
        classifier: As of `predict_table`, and what follows the molecules.
        rows, smiles: The other columns, none of which prediction adds; the molecules, (n,).
        scorer: Of `classifier.featurize` of them, with identities, where it serves several assays.

    Raises:
        InputError: If the support set cannot bear the error rate.
    """
    if error is not None:  # refused before any work is done
        classifier.set_of_scores(np.empty(0), error)
    if scorer is None:
        read = classifier.featurize(smiles, identities=True, workers=workers, progress=progress)
        scorer = Scorer(classifier.known_.model.learner, read)
    features = scorer.molecules
    assert isinstance(features, Featurized)
    scores = classifier.score_features(features, scorer)
    rejected = ~features.parsed
    near = classifier.known_.applicability(features)
    measured = measured or {}
    at = measured_at(classifier, features, measured, workers)
    new = ~rejected & (at < 0)
    added: dict[str, Any] = {
        "rank": _ranks(scores, new),
        "p_active": expit(scores),
        "score": scores,
        "status": np.where(rejected, "rejected", "ok"),
        "reason": features.reasons,
        **_measured(classifier, at, measured),
        **_values(classifier, scorer, features),
    }
    added |= {name: near[name].array for name in near.columns}
    if error is not None:
        inactive, active = classifier.set_of_scores(scores, error).astype(int).T
        added[POSSIBLE] = np.where(rejected, "", _SETS[inactive, active])
    if properties:
        parsed = [
            "" if reason else one for one, reason in zip(smiles, features.reasons, strict=True)
        ]
        found = filter_table(parsed, classifier.known_.model.standardize, workers)
        added |= {name: found[name].array for name in FILTER_COLUMNS}
    return Predictions(classifier, rows.assign(**added), smiles)


def _ranks(scores: NDArray[np.float64], new: NDArray[np.bool_]) -> Any:
    """Number the new molecules from the best, 1, on; of equals the first row comes first."""
    return pd.Series(scores).where(new).rank(ascending=False, method="first").astype("Int64").array


def measured_at(
    classifier: FewShotClassifier, features: Featurized, measured: Iterable[str], workers: int = 1
) -> NDArray[np.int64]:
    """Find each row's molecule in the support set, or behind it in `measured`, or −1, (n,).

    Tautomers are one molecule, as they are where a support table is read.
    """
    learnt = set(classifier.known_.smiles)
    others = [smiles for smiles in measured if smiles not in learnt]
    known = list(classifier.known_.features.identities)
    if others:
        known += classifier.featurize(others, identities=True).identities
    return find_substances(features.identities, known, workers)


def _measured(
    classifier: FewShotClassifier, at: NDArray[np.int64], measured: Mapping[str, float]
) -> dict[str, Any]:
    """Give the columns on what was measured, of rows that are at those places."""
    known = classifier.known_
    learnt = (at >= 0) & (at < len(known.smiles))
    at_known = np.where(learnt, at, 0)
    graded = np.full(len(known.smiles), np.nan) if known.values is None else known.values
    values = [measured.get(s, v) for s, v in zip(known.smiles, graded.tolist(), strict=True)]
    return {
        "already_measured": at >= 0,
        "measured_class": np.where(learnt, _CLASSES[known.labels[at_known].astype(int)], ""),
        "measured_value": np.where(learnt, np.array(values)[at_known], np.nan),
    }


def _values(
    classifier: FewShotClassifier, scorer: Scorer, features: Featurized
) -> dict[str, NDArray[np.float64]]:
    """Give predicted values with their intervals; NaN where the support set has too few."""
    found = np.full((3, len(features)), np.nan)
    posterior, rows = classifier.known_.posterior, np.flatnonzero(features.parsed)
    if posterior is not None and len(rows):
        predicted = posterior.predict(scorer, rows)
        found[:, rows] = predicted.mean, *predicted.interval(COVERAGE).T
    return dict(zip(_VALUE_COLUMNS, found, strict=True))
