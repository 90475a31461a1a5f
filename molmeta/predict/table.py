"""Predicting a table: a support set and a library in, one output row for every input row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from molmeta.assays.columns import listed
from molmeta.assays.library import Library
from molmeta.assays.measurement import as_text
from molmeta.assays.support import Support
from molmeta.chem.fingerprint import tanimoto
from molmeta.errors import InputError
from molmeta.meta.run import LoadedModel
from molmeta.predict.estimators import FewShotClassifier

OUTPUT_COLUMNS = ("p_active", "score", "status", "reason", "nearest_support", "nearest_similarity")


def read_library(library: Library) -> tuple[pd.DataFrame, list[str]]:
    """All rows of a library as read, n of them, and their SMILES, "" where blank, (n,).

    Raises:
        InputError: If it has no rows or a part cannot be read.
    """
    rows = pd.concat(library.chunks())
    return rows, as_text(rows[library.smiles_column]).tolist()


def predict_table(
    model: LoadedModel,
    support: Support,
    library: Library | None = None,
    *,
    steps: int | None = None,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> pd.DataFrame:
    """Learn from a support set, predict a library.

    Args:
        model: What predicts.
        support: The new assay; what curation kept of it is learnt from.
        library: Molecules to predict; without it, the support's blank rows.
        steps: Inner steps instead of the model's own number.
        workers: Processes that read molecules.
        progress: Called with the number of molecules done since its last call.

    Returns:
        The input's rows in order, every one of them: its own columns, then `OUTPUT_COLUMNS`.
        A molecule that does not parse has status `rejected`, a reason, and no score.

    Raises:
        InputError: If there is nothing to predict, or the support set lacks a class.
    """
    rows, smiles = _blank_rows(support) if library is None else read_library(library)
    _check_output(rows, f"input {support.assay_id if library is None else library.name}")
    known = np.flatnonzero(support.kept)
    known_smiles = [support.smiles[i] for i in known]
    classifier = FewShotClassifier(model, steps=steps, workers=workers)
    classifier.fit(known_smiles, support.labels[known])
    features = model.featurize(smiles, fingerprints=True, workers=workers, progress=progress)
    scores = classifier.score_features(features)
    rejected = np.array([bool(reason) for reason in features.reasons])
    similarity = tanimoto(
        features.fingerprints, model.featurize(known_smiles, fingerprints=True).fingerprints
    )
    names = np.asarray(known_smiles, dtype=object)[similarity.argmax(1)]
    added: dict[str, Any] = {
        "p_active": expit(scores),
        "score": scores,
        "status": np.where(rejected, "rejected", "ok"),
        "reason": features.reasons,
        "nearest_support": np.where(rejected, "", names),
        "nearest_similarity": np.where(rejected, np.nan, similarity.max(1)),
    }
    return rows.assign(**added)


def _blank_rows(support: Support) -> tuple[pd.DataFrame, list[str]]:
    blank = np.flatnonzero(support.blank)
    return support.rows.iloc[blank], [support.smiles[i] for i in blank]


def _check_output(rows: pd.DataFrame, source: str) -> None:
    if not len(rows):
        raise InputError.of(
            source,
            got="no row to predict",
            expected="rows with a blank label, or a file of molecules (--input)",
        )
    clash = [name for name in OUTPUT_COLUMNS if name in rows]
    if clash:
        raise InputError.of(
            source,
            got=f"the columns {listed(clash)}, which prediction adds",
            expected="other names",
            fix="Rename or remove them.",
        )
