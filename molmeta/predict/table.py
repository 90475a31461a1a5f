"""Predicting a table: a support set and a library in, one output row for every input row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from molmeta.assays.columns import listed
from molmeta.assays.library import Library
from molmeta.assays.measurement import as_text
from molmeta.assays.support import Support
from molmeta.errors import InputError
from molmeta.predict.estimators import FewShotClassifier
from molmeta.runs.model import Model

OUTPUT_COLUMNS = (
    "p_active",
    "score",
    "status",
    "reason",
    "nearest_support",
    "nearest_similarity",
    "nearest_training",
    "in_domain",
)
POSSIBLE = "possible_classes"
"""Beside `OUTPUT_COLUMNS` where an error rate is given: active, inactive, either or neither."""

_SETS = np.array([["neither", "active"], ["inactive", "either"]], dtype=object)


@dataclass(frozen=True)
class Predictions:
    """Predictions of n rows.

    Attributes:
        classifier: What made them.
        table: The input's rows in order, every one of them: its own columns, then
            `OUTPUT_COLUMNS`. A molecule that does not parse has status `rejected`, a reason, and
            no score.
        smiles: The molecules as given, "" where blank, (n,).
    """

    classifier: FewShotClassifier
    table: pd.DataFrame
    smiles: list[str]


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

    Args:
        model: As of `FewShotClassifier`, with `steps`, `prevalence` and `workers`.
        support: Where it has values, the labels are graded by them,
        labels_only: unless this says that labels are all that counts.

    Raises:
        InputError: If the support set lacks a class.
    """
    known = np.flatnonzero(support.kept)
    classifier = FewShotClassifier(model, steps=steps, prevalence=prevalence, workers=workers)
    values = None if labels_only else support.values[known]
    return classifier.fit([support.smiles[i] for i in known], support.labels[known], values)


def predict_table(
    classifier: FewShotClassifier,
    library: Library | Support,
    *,
    error: float | None = None,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> Predictions:
    """Predict the molecules of a library, or the blank rows of a support table.

    Args:
        classifier: As `learn` gives it.
        library: Molecules to predict.
        error: At which share of errors to name the `possible_classes`; None: they are not named.
        workers: Processes that read molecules.
        progress: Called with the number of molecules done since its last call.

    Raises:
        InputError: If there is nothing to predict, or the support set cannot bear the error rate.
    """
    if isinstance(library, Support):
        rows, smiles, name = *_blank_rows(library), library.assay_id
    else:
        rows, smiles, name = *read_library(library), library.name
    _check_output(rows, f"input {name}", [*OUTPUT_COLUMNS, *([POSSIBLE] if error else [])])
    if error is not None:  # refused before any work is done
        classifier.set_of_scores(np.empty(0), error)
    features = classifier.featurize(smiles, workers=workers, progress=progress)
    scores = classifier.score_features(features)
    rejected = ~features.parsed
    added: dict[str, Any] = {
        "p_active": expit(scores),
        "score": scores,
        "status": np.where(rejected, "rejected", "ok"),
        "reason": features.reasons,
    }
    near = classifier.known_.applicability(features)
    added |= {name: near[name].array for name in near.columns}
    if error is not None:
        inactive, active = classifier.set_of_scores(scores, error).astype(int).T
        added[POSSIBLE] = np.where(rejected, "", _SETS[inactive, active])
    return Predictions(classifier, rows.assign(**added), smiles)


def _blank_rows(support: Support) -> tuple[pd.DataFrame, list[str]]:
    blank = np.flatnonzero(support.blank)
    return support.rows.iloc[blank], [support.smiles[i] for i in blank]


def _check_output(rows: pd.DataFrame, source: str, added: list[str]) -> None:
    if not len(rows):
        raise InputError.of(
            source,
            got="no row to predict",
            expected="rows with a blank label, or a file of molecules (--input)",
        )
    clash = [name for name in added if name in rows]
    if clash:
        raise InputError.of(
            source,
            got=f"the columns {listed(clash)}, which prediction adds",
            expected="other names",
            fix="Rename or remove them.",
        )
